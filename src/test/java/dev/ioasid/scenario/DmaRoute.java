package dev.ioasid.scenario;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a device's DMA gets to an address space.
 *
 * @param pasid 0: none
 * @param who answers what the device asks for
 * @param guest whose process it is; null: nobody brings pages
 */
record DmaRoute(
        String rid,
        int pasid,
        Copies copies,
        Asked who,
        @Nullable Guest guest) {
    /** Whom a device asks for a page. */
    enum Asked {
        /** The user of the service. */
        CLIENT,
        /** The service, whose process it is. */
        SERVICE,
        /** Nobody: the fault is recorded. */
        NOBODY
    }

    static String name(String rid, int pasid) {
        return rid + " " + pasid;
    }

    String name() {
        return name(rid, pasid);
    }

    /** In a query. */
    String query() {
        return "rid=" + rid + (pasid == 0 ? "" : "&pasid=" + pasid);
    }

    /** In an order. */
    String property() {
        return pasid == 0 ? "" : "\"pasid\": " + pasid + ", ";
    }

    void bring(List<Long> addresses, boolean write) {
        if (guest == null || !(copies instanceof Guest.Process process)) {
            throw new AssertionError(name() + " asks for " + addresses + ", which are there");
        }
        guest.bring(process, addresses, write);
    }
}
