package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.pagetable.Permissions;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever stands in CAP and ECAP, a unit is refused with a reason or does what a unit does. */
class RawCapabilitiesTest {
    private static final int UNITS = 3000;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anyRegistersMakeAUnitOrAreRefused(boolean managed) {
        var random = new SplittableRandom(managed ? 1 : 2);
        int translated = 0;
        int made = 0;
        int taken = 0;
        for (int i = 0; i < UNITS; i++) {
            // an even chance that a bit is one which a current server has
            long cap = random.nextBoolean() ? random.nextLong() : VtdCapabilities.DEFAULT.cap() ^ few(random);
            long ecap = random.nextBoolean() ? random.nextLong() : VtdCapabilities.DEFAULT.ecap() ^ few(random);
            try (var machine = Machine.create("m", 1L << 30, List.of(), Preset.EMPTY)) {
                var rid = new Rid(0, 1, 0, 0);
                try {
                    machine.apply(new Command.CreateIommu("u", managed, VtdCapabilities.raw(null, cap, ecap, null)));
                    made++;
                    var named =
                            machine.read(view -> view.iommu("u").capabilities().named());
                    assertThat(named).isNotEmpty();
                    var registers = machine.read(view -> view.registers("u"));
                    assertThat(registers).containsEntry("CAP", cap);
                    machine.apply(new Command.CreateDevice(
                            rid, "u", new DeviceTraits(null, 20, true, true, null, List.of())));
                    if (managed) {
                        machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", null, null, null));
                        machine.apply(new Command.Attach(Route.of(rid), 1, Replace.ALLOWED));
                        machine.apply(new Command.Map(
                                1, List.of(new MapRequest(0x1000L, 0x1000, Permissions.READ_WRITE, null))));
                    }
                } catch (RefusedException refused) {
                    continue;
                }
                if (managed) {
                    taken += tablesTaken(machine, rid);
                }
                var request = new DmaRequest(rid, DmaRequest.NO_PASID, 0x1000, Access.READ, false);
                var explained = machine.read(view -> view.explain(request)).result();
                var answer =
                        machine.apply(new Command.Translate(List.of(request))).getFirst();
                assertThat(answer).hasSameClassAs(explained);
                translated += managed && answer instanceof Translation.Translated ? 1 : 0;
                assertThat(!managed || answer instanceof Translation.Translated)
                        .as("CAP %x ECAP %x: %s", cap, ecap, answer)
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
    private static int tablesTaken(Machine machine, Rid rid) {
        int taken = 0;
        try {
            machine.apply(new Command.Bind(new Route(rid, 1), 1, "x86-64", null, 0x1000));
            assertThat(code(machine, new DmaRequest(rid, 1, 0, Access.READ, false)))
                    .isEqualTo(0x71);
            taken++;
        } catch (RefusedException refused) {
            // then that is said
        }
        try {
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", "x86-64", null, null));
            machine.apply(new Command.Attach(new Route(rid, 2), 2, Replace.ALLOWED));
            assertThat(code(machine, new DmaRequest(rid, 2, 0, Access.READ, false)))
                    .isEqualTo(0x71);
            taken++;
        } catch (RefusedException refused) {
            // then that is said
        }
        return taken;
    }

    private static int code(Machine machine, DmaRequest request) {
        var answer = machine.apply(new Command.Translate(List.of(request))).getFirst();
        return answer instanceof Translation.Faulted(var fault) ? fault.code() : 0;
    }

    private static long few(SplittableRandom random) {
        long bits = 0;
        for (int i = random.nextInt(4); i > 0; i--) {
            bits |= 1L << random.nextInt(64);
        }
        return bits;
    }
}
