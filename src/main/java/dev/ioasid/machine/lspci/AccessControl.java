package dev.ioasid.machine.lspci;

import java.util.EnumSet;
import java.util.Set;

/**
 * Access Control Services, as far as a group depends on them. PCI Express 6.0, section 7.7.11.
 *
 * @param implemented what the function says it implements
 * @param enabled what is switched on
 */
record AccessControl(Set<Service> implemented, Set<Service> enabled) {
    /** What keeps a request from reaching a peer without having passed the IOMMU. */
    enum Service {
        /** Requests must carry a requester id from behind the port. */
        SOURCE_VALIDATION("SrcValid"),
        /** Requests to a peer go upstream. */
        REQUEST_REDIRECT("ReqRedir"),
        /** Completions to a peer go upstream. */
        COMPLETION_REDIRECT("CmpltRedir"),
        /** What comes up addressed to the port itself or its siblings goes on upstream. */
        UPSTREAM_FORWARDING("UpstreamFwd");

        private final String text;

        Service(String text) {
            this.text = text;
        }
    }

    /** A function without the capability, or one whose bits the listing does not show: nothing is assured. */
    static final AccessControl NONE = new AccessControl(EnumSet.allOf(Service.class), EnumSet.noneOf(Service.class));

    static AccessControl of(Entry entry) {
        var implemented = entry.detail("ACSCap:");
        var enabled = entry.detail("ACSCtl:");
        return implemented == null || enabled == null ? NONE : new AccessControl(set(implemented), set(enabled));
    }

    /**
     * All that matters is on. A service that is not implemented does not matter: the specification demands each one
     * where the function is capable of what it prevents.
     */
    boolean isolates() {
        return enabled.containsAll(implemented);
    }

    private static Set<Service> set(Line flags) {
        var services = EnumSet.noneOf(Service.class);
        for (var service : Service.values()) {
            if (flags.text().contains(service.text + "+")) {
                services.add(service);
            }
        }
        return services;
    }
}
