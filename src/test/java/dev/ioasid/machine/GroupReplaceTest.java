package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** All members of a group are led elsewhere in one step; or none, if memory runs out on the way, in however many pieces it is by then. */
class GroupReplaceTest {
    private static final long PAGE = 0x1000;
    /** Frames that are free now and then. */
    private static final int FRAMES = 128;

    private static final int ROUNDS = 500;
    /** Larger tables of CDs beside smaller ones, where they lie in one piece, and the largest last. */
    private static final int[] PASID_BITS = {9, 0, 6, 7, 10};

    private static Rid rid(int member) {
        return new Rid(0, 0x3a + member, 0, 0);
    }

    private static IommuCapabilities unit(String name) {
        var registers = new LinkedHashMap<>(SmmuCapabilities.DEFAULT.registers());
        return switch (name) {
            case "vtd" -> VtdCapabilities.DEFAULT;
            case "smmuv3" -> SmmuCapabilities.DEFAULT;
            case "smmuv3 without CD2L" -> {
                registers.merge("IDR0", 1L << 19, (before, bit) -> before & ~bit);
                yield SmmuCapabilities.raw(registers);
            }
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** Where each member's requests go; -1: nowhere. */
    private static List<Long> sight(Machine machine) {
        var requests = new ArrayList<DmaRequest>();
        for (int member = 0; member < PASID_BITS.length; member++) {
            requests.add(new DmaRequest(rid(member), DmaRequest.NO_PASID, 0x4000, Access.READ, false));
        }
        return machine.apply(new Command.Translate(requests)).stream()
                .map(answer -> answer instanceof Translation.Translated page ? page.address() : -1L)
                .toList();
    }

    private static boolean isDone(Machine machine, Command<?> change) {
        try {
            machine.apply(change);
            return true;
        } catch (RefusedException refused) {
            assertThat(refused.errno()).isEqualTo(Errno.ENOMEM);
            return false;
        }
    }

    private static Machine machine(String unit) {
        var machine = Machine.create("m", 4L << 20, List.of(), Preset.EMPTY);
        machine.apply(new Command.CreateIommu("u", true, unit(unit)));
        for (int member = 0; member < PASID_BITS.length; member++) {
            machine.apply(new Command.CreateDevice(
                    rid(member), "u", new DeviceTraits(null, PASID_BITS[member], false, false, 7, List.of())));
        }
        return machine;
    }

    /** From one to the other and back, again and again, with whatever is free by then. */
    private static void goToAndFro(Machine machine, long one, Command<?> toOne, long other, Command<?> toOther) {
        var frames = machine.frames();
        var held = new TreeSet<Long>();
        while (held.size() < FRAMES) {
            held.add(frames.tryAllocate(PAGE, PAGE));
        }
        while (frames.tryAllocate(PAGE, PAGE) >= 0) {} // all others are taken for good
        var random = new Random(3);
        boolean atOne = true;
        int done = 0;
        for (int round = 0; round < ROUNDS; round++) {
            double share = random.nextDouble();
            for (long frame : List.copyOf(held)) {
                if (random.nextDouble() < share) {
                    held.remove(frame);
                    frames.free(frame, PAGE);
                }
            }
            long freeBytes = frames.freeBytes();
            if (isDone(machine, atOne ? toOther : toOne)) {
                atOne = !atOne;
                done++;
            } else {
                assertThat(frames.freeBytes()).as("round %d", round).isEqualTo(freeBytes);
            }
            assertThat(sight(machine)).as("round %d", round).containsOnly(atOne ? one : other);
            for (long frame; (frame = frames.tryAllocate(PAGE, PAGE)) >= 0; ) {
                held.add(frame);
            }
        }
        assertThat(done).isBetween(2, ROUNDS - 1);
    }

    private static Command<?> replace(int ioasid) {
        return new Command.Attach(Route.of(rid(0)), ioasid, Replace.REQUIRED);
    }

    @ParameterizedTest(name = "{0}: {1} and {2}")
    @CsvSource({
        "smmuv3, armv8-stage1, armv8-stage1",
        "smmuv3, armv8-stage2, armv8-stage2",
        "smmuv3, armv8-stage1, armv8-stage2",
        "smmuv3 without CD2L, armv8-stage1, armv8-stage1",
        "smmuv3 without CD2L, armv8-stage1, armv8-stage2",
        "vtd, x86-64, vtd-second-stage",
        "vtd, vtd-second-stage, vtd-second-stage"
    })
    void toAnotherIoasid(String unit, String one, String other) {
        try (var machine = machine(unit)) {
            for (var format : List.of(one, other)) {
                var ioasid = machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", format, null, null));
                map(machine, ioasid.id(), 0x4000, PAGE, 0x10_0000L * ioasid.id());
            }
            machine.apply(new Command.Attach(Route.of(rid(0)), 1, Replace.FORBIDDEN));
            goToAndFro(machine, 0x10_0000, replace(1), 0x20_0000, replace(2));
        }
    }

    private static void map(Machine machine, int ioasid, long iova, long length, long physical) {
        machine.apply(new Command.Map(ioasid, List.of(new MapRequest(iova, length, Permissions.READ_WRITE, physical))));
    }

    /** CDs of binds lie in the parent's space, whose tables need memory as well. */
    @ParameterizedTest
    @ValueSource(strings = {"smmuv3", "smmuv3 without CD2L"})
    void toAnotherTableOfTheUsers(String unit) {
        try (var machine = machine(unit)) {
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", "armv8-stage2", null, null));
            map(machine, 1, 0, 0x1_0000, 0x30_0000);
            for (long root : new long[] {0, 0x8000}) {
                for (int level = 0; level < 4; level++) {
                    long entry = level < 3 ? root + (level + 1) * PAGE | 3 : 0xe000 + root / 8 | 0xf43;
                    machine.memory().release(0x30_0000 + root + level * PAGE + (level < 3 ? 0 : 4 * 8), entry);
                }
            }
            machine.apply(new Command.Bind(Route.of(rid(0)), 1, wanted(0)));
            goToAndFro(
                    machine,
                    0x30_e000,
                    new Command.ReplaceBind(1, null, null, 0),
                    0x30_f000,
                    new Command.ReplaceBind(1, null, null, 0x8000));
        }
    }

    private static UserTable.Wanted wanted(long root) {
        return new UserTable.Wanted("armv8-stage1", 48, root, Set.of(), PAGE, null, null, null);
    }
}
