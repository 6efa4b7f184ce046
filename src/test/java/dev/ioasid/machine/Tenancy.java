package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;

/**
 * A machine whose devices do DMA all the time while their routes are torn down and set up again: three devices with PRI, whose routes lead to paging
 * IOASIDs, to a process, and to a guest's table. Each device is some context's. What is torn down is filled with a pattern, which no DMA may touch or see.
 */
final class Tenancy implements AutoCloseable {
    /** What DMA writes. */
    static final byte SENT = (byte) 0xd1;
    /** What lies in memory that no route leads to any more. */
    static final byte TORN_DOWN = (byte) 0xa5;

    static final int PAGE = 0x1000;
    static final int PAGES = 8;
    /** Where devices see the pages of an address space. */
    static final long FIRST = 0x40_0000;

    static final Rid RID1 = new Rid(0, 0x3a, 0, 0);
    static final Rid RID2 = new Rid(0, 0x3b, 0, 0);
    static final Rid RID3 = new Rid(0, 0x3c, 0, 0);

    static final Route QUEUE = new Route(RID1, 1);
    static final Route SHARED = new Route(RID1, 2);
    static final Route GUEST = new Route(RID2, 3);
    static final Route WHOLE = Route.of(RID3);

    private static final int PARENT = 5;
    private static final int SVA = 6;
    private static final int IOASIDS = 6;
    private static final long AREA = 0x10_0000;
    /** The guest's table: four levels, guest physical; its pages lie in the area of the parent. */
    private static final long ROOT = 0;

    private static final long LOWEST = 3 * PAGE;
    private static final long DATA = 16 * PAGE;

    private final Architecture architecture;
    private final Machine machine;
    private final long free;

    Tenancy(Architecture architecture) {
        this.architecture = architecture;
        this.machine = Machine.create("m", 64L << 20, List.of(), Preset.EMPTY);
        machine.apply(new Command.CreateIommu("iommu0", true, architecture.capabilities()));
        this.free = machine.frames().freeBytes();
        for (var rid : List.of(RID1, RID2, RID3)) {
            device(rid);
        }
        for (int context = 1; context <= 3; context++) {
            context();
        }
        for (int id = 1; id <= 4; id++) {
            paging(id);
        }
        paging(PARENT);
        guestTable();
        process();
        attach(QUEUE, 1);
        attach(WHOLE, 3);
        bind();
    }

    Machine machine() {
        return machine;
    }

    // ---- setting up

    private void device(Rid rid) {
        machine.apply(new Command.CreateDevice(rid, "iommu0", new DeviceTraits(null, 8, true, true, null, List.of())));
    }

    private void context() {
        machine.apply(new Command.CreateContext("tenant", Map.of(), null, Instant.EPOCH));
    }

    /** Whose an IOASID is: the first device's, the second's or the third's. */
    private static int context(int ioasid) {
        return switch (ioasid) {
            case 1, 2, SVA -> 1;
            case PARENT -> 2;
            default -> 3;
        };
    }

    /** Makes the one of that id, which is the lowest that is free. */
    private void paging(int id) {
        var format = id == PARENT ? architecture.secondStage() : architecture.firstStage();
        machine.apply(new Command.CreateIoasid(IoasidType.PAGING, null, format, null, null, null, context(id)));
        if (id == PARENT) {
            map(PARENT, 0, 32L * PAGE);
        }
    }

    private void attach(Route route, int ioasid) {
        machine.apply(new Command.Attach(route, ioasid, Replace.ALLOWED));
    }

    private void map(int ioasid, long iova, long length) {
        var request = new MapRequest(iova, length, Permissions.READ_WRITE, area(ioasid) + (iova & 0xf_ffff));
        machine.apply(new Command.Map(ioasid, List.of(request)));
    }

    /** Where the memory of an IOASID is. */
    private static long area(int ioasid) {
        return ioasid * AREA;
    }

    private synchronized void process() {
        machine.apply(new Command.CreateProcess(architecture.firstStage(), null, null, true));
        machine.apply(new Command.MapProcess(1, FIRST, PAGES * PAGE, Permissions.READ_WRITE));
        share();
    }

    private void share() {
        machine.apply(new Command.CreateSvaIoasid(1, null, null, context(SVA)));
        attach(SHARED, SVA);
    }

    private void bind() {
        machine.apply(new Command.Bind(GUEST, PARENT, architecture.firstStage(), 48, ROOT));
    }

    private void guestTable() {
        for (int level = 0; level < 3; level++) {
            long index = FIRST >>> 39 - 9 * level & 511;
            guestWord(level * PAGE + index * 8, (level + 1L) * PAGE | (architecture == Architecture.VTD ? 0x7 : 0x3));
        }
    }

    private void guestWord(long address, long word) {
        var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(word);
        machine.apply(new Command.WriteThrough(PARENT, address, bytes.array()));
    }

    private static long entry(long page) {
        return LOWEST + (page >>> 12 & 511) * 8;
    }

    // ---- what a client does about a page

    /** Has a page be there that a device has asked for. EEXIST: it is; ENOENT: its IOASID is not. */
    void bring(Route route, long page) {
        if (route.equals(GUEST)) {
            long frame = DATA + (page - FIRST);
            guestWord(entry(page), frame | (architecture == Architecture.VTD ? 0x7 : 0xf43));
        } else {
            map(machine.read(view -> view.attachment(route)).ioasid(), page, PAGE);
        }
    }

    /** Has it be there no more. ENOENT. */
    void takeAway(Route route, long page) {
        if (route.equals(GUEST)) {
            guestWord(entry(page), 0);
            forget(page);
        } else if (route.equals(SHARED)) {
            takeAwayOfProcess(page);
        } else {
            machine.apply(new Command.Unmap(
                    machine.read(view -> view.attachment(route)).ioasid(), page, PAGE));
        }
    }

    /** Of one process, which the next does not come between. */
    private synchronized void takeAwayOfProcess(long page) {
        machine.apply(new Command.UnmapProcess(1, page, PAGE));
        machine.apply(new Command.MapProcess(1, page, PAGE, Permissions.READ_WRITE));
    }

    private void forget(long page) {
        var caches = EnumSet.of(Invalidation.Cache.IOTLB, Invalidation.Cache.DEV_IOTLB);
        machine.apply(new Command.Invalidate(List.of(new InvalidationRequest(
                new Target.OfBind(1),
                new Invalidation(caches, Invalidation.Granularity.RANGE, page, page + PAGE - 1, true)))));
    }

    // ---- tearing down

    /** Tears down; the memory that nobody gets at any more. */
    Torn tear(Teardown how) {
        var route = how.route();
        int led = machine.read(view -> view.attachment(route)).ioasid();
        var torn = new Torn(route.equals(SHARED) ? -1 : data(led), led);
        switch (how) {
            case DETACH, DETACH_RID, DETACH_SHARED -> machine.apply(new Command.Detach(route));
            case REPLACE, REPLACE_RID -> attach(route, other(led));
            case DELETE_IOASID -> {
                machine.apply(new Command.Detach(route));
                machine.apply(new Command.DeleteIoasid(led));
            }
            case DELETE_DEVICE -> {
                machine.apply(new Command.Detach(route));
                machine.apply(new Command.DeleteDevice(route.rid()));
            }
            case UNBIND -> machine.apply(new Command.Unbind(1));
            case REPLACE_BIND -> machine.apply(new Command.ReplaceBind(1, null, null, 8 * PAGE)); // an empty table
            case DELETE_GUEST_DEVICE -> {
                machine.apply(new Command.Unbind(1));
                machine.apply(new Command.DeleteDevice(route.rid()));
            }
            case EXIT -> machine.apply(new Command.DeleteProcess(1));
            case CLOSE, CLOSE_SHARED, CLOSE_RID, CLOSE_GUEST -> machine.apply(new Command.CloseContext(context(led)));
        }
        return torn;
    }

    private static long data(int ioasid) {
        return area(ioasid) + (ioasid == PARENT ? DATA : FIRST & 0xf_ffff);
    }

    /** 1 and 2 take turns, and 3 and 4. */
    private static int other(int ioasid) {
        return (ioasid - 1 ^ 1) + 1;
    }

    /** Sets up again what has been torn down. */
    void mend(Teardown how, Torn torn) {
        switch (how) {
            case DETACH, DETACH_RID, DETACH_SHARED -> attach(how.route(), torn.ioasid);
            case REPLACE, REPLACE_RID -> {} // it leads to the other one, the next time to this
            case DELETE_IOASID -> {
                paging(torn.ioasid);
                attach(how.route(), torn.ioasid);
            }
            case DELETE_DEVICE -> {
                device(how.route().rid());
                attach(how.route(), torn.ioasid);
            }
            case UNBIND -> bind();
            case REPLACE_BIND -> machine.apply(new Command.ReplaceBind(1, null, null, ROOT));
            case DELETE_GUEST_DEVICE -> {
                device(how.route().rid());
                bind();
            }
            case EXIT -> {
                machine.apply(new Command.Detach(SHARED));
                machine.apply(new Command.DeleteIoasid(SVA));
                process();
            }
            case CLOSE, CLOSE_SHARED -> {
                context();
                paging(1);
                paging(2);
                attach(QUEUE, 1);
                share();
            }
            case CLOSE_RID -> {
                context();
                paging(3);
                paging(4);
                attach(WHOLE, torn.ioasid);
            }
            case CLOSE_GUEST -> {
                context();
                paging(PARENT);
                bind();
            }
        }
    }

    /** Memory that nobody should get at; that of a process is left alone, since it is the service's. */
    final class Torn {
        private final long address;
        private final int ioasid;

        Torn(long address, int ioasid) {
            this.address = address;
            this.ioasid = ioasid;
        }

        void fill(byte with) {
            if (address >= 0) {
                var bytes = new byte[PAGES * PAGE];
                Arrays.fill(bytes, with);
                machine.apply(new Command.WriteMemory(address, bytes));
            }
        }

        void check(Object what) {
            if (address >= 0) {
                var found = machine.read(view -> view.readMemory(address, PAGES * PAGE));
                for (int i = 0; i < found.length; i++) {
                    if (found[i] != TORN_DOWN) {
                        throw new AssertionError("%s: 0x%x at 0x%x".formatted(what, found[i], address + i));
                    }
                }
            }
        }
    }

    // ---- at the end

    /** Takes everything down; all memory is back, and nothing waits. */
    void checkAllIsBack() {
        machine.apply(new Command.Unbind(1));
        machine.apply(new Command.DeleteProcess(1));
        for (var route : List.of(QUEUE, SHARED, WHOLE)) {
            machine.apply(new Command.Detach(route));
        }
        for (int id = 1; id <= IOASIDS; id++) {
            machine.apply(new Command.DeleteIoasid(id));
        }
        for (var context : machine.read(MachineView::contexts)) {
            assertThat(context.used().values()).as("%s", context).containsOnly(0L);
            machine.apply(new Command.CloseContext(context.id()));
        }
        for (var rid : List.of(RID1, RID2, RID3)) {
            machine.apply(new Command.DeleteDevice(rid));
        }
        assertThat(machine.transfers().waiting()).as("DMA that waits").isZero();
        assertThat(machine.pageRequests().pending()).as("page requests").isZero();
        assertThat(machine.frames().freeBytes()).as("all frames are back").isEqualTo(free);
    }

    @Override
    public void close() {
        machine.close();
    }

    /** The route of a request; a device's RID alone if it carried no PASID. */
    static Route route(PageRequestSummary request) {
        return request.pasid() == DmaRequest.NO_PASID
                ? Route.of(request.rid())
                : new Route(request.rid(), request.pasid());
    }
}
