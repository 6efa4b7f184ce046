package dev.ioasid;

import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.DeviceTraits;
import dev.ioasid.machine.IoasidType;
import dev.ioasid.machine.Preset;
import dev.ioasid.machine.Replace;
import dev.ioasid.machine.Route;
import dev.ioasid.service.Machines;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How devices and IOASIDs stand when a test of the control plane begins: as both architectures can have them. */
public enum Arrangement {
    /**
     * The worked topology but for what guests bind. RID1 leads to IOASID 1, its PASID-x (1) to 2 and its PASID-y (2) to 3, where
     * RID2 leads, too; all have tables of the shared format.
     */
    SHARED {
        @Override
        public List<Command<?>> commands(Architecture on) {
            var commands = new ArrayList<Command<?>>();
            commands.add(device(RID1, "RID1"));
            commands.add(device(RID2, "RID2"));
            commands.add(new Command.AllocatePasid(RID1, 1, "PASID-x"));
            commands.add(new Command.AllocatePasid(RID1, 2, "PASID-y"));
            for (var name : List.of("kernel, IOVA", "vm1, GPA", "vm2, GPA")) {
                commands.add(paging(on.shared(), name));
            }
            commands.add(attach(Route.of(RID1), 1));
            commands.add(attach(new Route(RID1, 1), 2));
            commands.add(attach(new Route(RID1, 2), 3));
            commands.add(attach(Route.of(RID2), 3));
            return commands;
        }
    },
    /**
     * Two guests with devices of their own. The first has 3c:00.0, which leads to IOASID 2, and binds 1 and 2 on its PASIDs 3 and 4; the
     * second has RID1 and RID2, which lead to IOASID 3, with bind 3 on PASID 5 of RID1 and bind 4 on PASID 1 of RID2. The roots of
     * the binds are 0x100000, 0x200000, 0x100000, 0x200000; nothing is mapped. The host's own is 3d:00.0, which leads to IOASID 1, a
     * first-stage table, by RID and by PASID 1.
     */
    GUESTS {
        @Override
        public List<Command<?>> commands(Architecture on) {
            var first = new Rid(0, 0x3c, 0, 0);
            var host = new Rid(0, 0x3d, 0, 0);
            var commands = new ArrayList<Command<?>>();
            for (var rid : List.of(RID1, RID2, first, host)) {
                commands.add(device(rid, null));
            }
            commands.add(paging(on.firstStage(), "host"));
            commands.add(paging(on.secondStage(), "vm1, GPA"));
            commands.add(paging(on.secondStage(), "vm2, GPA"));
            commands.add(attach(Route.of(host), 1));
            commands.add(attach(new Route(host, 1), 1));
            commands.add(attach(Route.of(first), 2));
            commands.add(attach(Route.of(RID1), 3));
            commands.add(attach(Route.of(RID2), 3));
            commands.add(new Command.Bind(new Route(first, 3), 2, on.firstStage(), null, 0x10_0000));
            commands.add(new Command.Bind(new Route(first, 4), 2, on.firstStage(), null, 0x20_0000));
            commands.add(new Command.Bind(new Route(RID1, 5), 3, on.firstStage(), null, 0x10_0000));
            commands.add(new Command.Bind(new Route(RID2, 1), 3, on.firstStage(), null, 0x20_0000));
            return commands;
        }
    };

    private static final Rid RID1 = new Rid(0, 0x3a, 0, 0);
    private static final Rid RID2 = new Rid(0, 0x3b, 0, 0);
    private static final int PASID_BITS = 20;

    /** What is to be done with a machine of the architecture's preset. */
    public abstract List<Command<?>> commands(Architecture on);

    /** Makes a machine of the service's that stands like this. */
    public void make(Machines machines, String name, long memory, Architecture on) {
        machines.create(name, memory, List.of(), Preset.valueOf(on.name()));
        commands(on).forEach(command -> machines.apply(name, command));
    }

    private static Command<?> device(Rid rid, @Nullable String name) {
        return new Command.CreateDevice(rid, "iommu0", new DeviceTraits(name, PASID_BITS, true, true, null, List.of()));
    }

    private static Command<?> paging(String format, String name) {
        return new Command.CreateIoasid(IoasidType.PAGING, "iommu0", format, null, name);
    }

    private static Command<?> attach(Route route, int ioasid) {
        return new Command.Attach(route, ioasid, Replace.ALLOWED);
    }
}
