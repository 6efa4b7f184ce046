package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Stage;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.pagetable.Permissions;
import java.util.HashMap;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever stands in CAP and ECAP, or in IDR0 to IDR5, a unit is refused with a reason or does what a unit does. */
class RawCapabilitiesTest {
    private static final int UNITS = 3000;

    /** A page of every granule. */
    private static final long PAGE = 0x1_0000;

    /** Often those of a current server but for a few bits. */
    private static IommuCapabilities random(Architecture on, SplittableRandom random) {
        return switch (on) {
            case VTD -> {
                // an even chance that a bit is one which a current server has
                long cap = random.nextBoolean() ? random.nextLong() : VtdCapabilities.DEFAULT.cap() ^ few(random);
                long ecap = random.nextBoolean() ? random.nextLong() : VtdCapabilities.DEFAULT.ecap() ^ few(random);
                yield VtdCapabilities.raw(null, cap, ecap, null);
            }
            case SMMUV3 -> {
                var registers = new HashMap<String, Long>();
                SmmuCapabilities.DEFAULT.registers().forEach((name, value) -> {
                    long changed = random.nextInt(3) == 0 ? few(random) & 0xffff_ffffL : 0;
                    registers.put(name, name.startsWith("IDR") ? value ^ changed : value);
                });
                yield SmmuCapabilities.raw(registers);
            }
        };
    }

    @ParameterizedTest
    @CsvSource({"VTD, false", "VTD, true", "SMMUV3, false", "SMMUV3, true"})
    void anyRegistersMakeAUnitOrAreRefused(Architecture on, boolean managed) {
        var random = new SplittableRandom(managed ? 1 : 2);
        int translated = 0;
        int made = 0;
        int taken = 0;
        for (int i = 0; i < UNITS; i++) {
            try (var machine = Machine.create("m", 1L << 30, List.of(), Preset.EMPTY)) {
                var rid = new Rid(0, 1, 0, 0);
                try {
                    var capabilities = random(on, random);
                    machine.apply(new Command.CreateIommu("u", managed, capabilities));
                    made++;
                    var named =
                            machine.read(view -> view.iommu("u").capabilities().named());
                    assertThat(named).isNotEmpty();
                    var registers = machine.read(view -> view.registers("u"));
                    assertThat(registers).containsAllEntriesOf(capabilities.registers());
                    machine.apply(new Command.CreateDevice(
                            rid, "u", new DeviceTraits(null, 20, true, true, null, List.of())));
                    if (managed) {
                        machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", null, null, null));
                        machine.apply(new Command.Attach(Route.of(rid), 1, Replace.ALLOWED));
                        machine.apply(
                                new Command.Map(1, List.of(new MapRequest(PAGE, PAGE, Permissions.READ_WRITE, null))));
                    }
                } catch (RefusedException refused) {
                    continue;
                }
                if (managed) {
                    taken += tablesTaken(machine, on, rid);
                }
                var request = new DmaRequest(rid, DmaRequest.NO_PASID, PAGE, Access.READ, false);
                var explained = machine.read(view -> view.explain(request)).result();
                var answer =
                        machine.apply(new Command.Translate(List.of(request))).getFirst();
                assertThat(answer).hasSameClassAs(explained);
                translated += managed && answer instanceof Translation.Translated ? 1 : 0;
                assertThat(!managed || answer instanceof Translation.Translated)
                        .as("%s: %s", registers(machine), answer)
                        .isTrue();
            }
        }
        assertThat(made).isGreaterThan(UNITS / 4);
        if (managed) {
            assertThat(translated).isGreaterThan(UNITS / 8);
            assertThat(taken).isGreaterThan(UNITS / 8);
        }
    }

    /** A table of a user's, and one of the service's for the first stage: if they are taken, no bit of theirs is a reserved one. */
    private static int tablesTaken(Machine machine, Architecture on, Rid rid) {
        int taken = 0;
        try {
            machine.apply(new Command.Bind(new Route(rid, 1), 1, on.firstStage(), null, PAGE));
            assertThat(code(machine, new DmaRequest(rid, 1, 0, Access.READ, false)))
                    .isEqualTo(on.notMapped(Stage.FIRST).code());
            taken++;
        } catch (RefusedException refused) {
            // then that is said
        }
        try {
            var other = new Rid(0, 1, 0, 1);
            machine.apply(
                    new Command.CreateDevice(other, "u", new DeviceTraits(null, 20, true, true, null, List.of())));
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", on.firstStage(), null, null));
            machine.apply(new Command.Attach(new Route(other, 2), 2, Replace.ALLOWED));
            assertThat(code(machine, new DmaRequest(other, 2, 0, Access.READ, false)))
                    .isEqualTo(on.notMapped(Stage.FIRST).code());
            taken++;
        } catch (RefusedException refused) {
            // then that is said
        }
        return taken;
    }

    private static String code(Machine machine, DmaRequest request) {
        var answer = machine.apply(new Command.Translate(List.of(request))).getFirst();
        return switch (answer) {
            case Translation.Faulted(var fault) -> "0x%x".formatted(fault.code());
            case Translation.Stalled stalled -> "0x%x".formatted(stalled.fault().code()); // what some units can only do
            default -> answer.toString();
        };
    }

    private static String registers(Machine machine) {
        var text = new StringBuilder();
        machine.read(view -> view.iommu("u").capabilities().registers())
                .forEach((name, value) -> text.append("%s %x ".formatted(name, value)));
        return text.toString();
    }

    private static long few(SplittableRandom random) {
        long bits = 0;
        for (int i = random.nextInt(4); i > 0; i--) {
            bits |= 1L << random.nextInt(64);
        }
        return bits;
    }
}
