package dev.ioasid.machine;

import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import java.util.ArrayList;
import java.util.List;

/** What the presets are made of: the commands that a user would send. */
final class Presets {
    private static final String UNIT = "iommu0";
    private static final int PASID_BITS = 20;
    private static final String PROCESS_FORMAT = "x86-64";
    /** Where the page tables of a guest's processes begin, guest physical. */
    private static final long FIRST_PROCESS = 0x10_0000;

    private static final long SECOND_PROCESS = 0x20_0000;

    private Presets() {}

    static List<Command<?>> commands(Preset preset) {
        return switch (preset) {
            case EMPTY -> List.of();
            case VTD -> List.of(unit());
            case SMMUV3 -> List.of(new Command.CreateIommu(UNIT, true, SmmuCapabilities.DEFAULT));
            case SIOV -> siov();
        };
    }

    private static Command<?> unit() {
        return new Command.CreateIommu(UNIT, true, VtdCapabilities.DEFAULT);
    }

    /**
     * One device whose own driver uses the RID, and two of whose work queues are two VMs'; the second VM has a device more. Both
     * guests have bound tables of processes of theirs, whose memory is not mapped yet.
     */
    private static List<Command<?>> siov() {
        var rid1 = new Rid(0, 0x3a, 0, 0);
        var rid2 = new Rid(0, 0x3b, 0, 0);
        var commands = new ArrayList<Command<?>>();
        commands.add(unit());
        commands.add(device(rid1, "RID1"));
        commands.add(device(rid2, "RID2"));
        commands.add(new Command.AllocatePasid(rid1, 1, "PASID-x"));
        commands.add(new Command.AllocatePasid(rid1, 2, "PASID-y"));
        commands.add(new Command.AllocatePasid(rid1, 3, "PASID-a"));
        commands.add(new Command.AllocatePasid(rid1, 4, "PASID-b"));
        commands.add(new Command.AllocatePasid(rid1, 5, "PASID-c"));
        commands.add(new Command.AllocatePasid(rid2, 1, "PASID-a"));
        commands.add(paging("kernel, IOVA"));
        commands.add(paging("vm1, GPA"));
        commands.add(paging("vm2, GPA"));
        commands.add(new Command.Attach(Route.of(rid1), 1, Replace.ALLOWED));
        commands.add(new Command.Attach(new Route(rid1, 1), 2, Replace.ALLOWED));
        commands.add(new Command.Attach(new Route(rid1, 2), 3, Replace.ALLOWED));
        commands.add(new Command.Attach(Route.of(rid2), 3, Replace.ALLOWED));
        commands.add(bind(new Route(rid1, 3), 2, FIRST_PROCESS));
        commands.add(bind(new Route(rid1, 4), 2, SECOND_PROCESS));
        commands.add(bind(new Route(rid1, 5), 3, FIRST_PROCESS));
        commands.add(bind(new Route(rid2, 1), 3, SECOND_PROCESS));
        return commands;
    }

    private static Command<?> device(Rid rid, String name) {
        return new Command.CreateDevice(rid, UNIT, new DeviceTraits(name, PASID_BITS, true, true, null, List.of()));
    }

    private static Command<?> bind(Route route, int parent, long root) {
        return new Command.Bind(route, parent, PROCESS_FORMAT, null, root);
    }

    private static Command<?> paging(String name) {
        return new Command.CreateIoasid(IoasidType.PAGING, UNIT, null, null, name);
    }
}
