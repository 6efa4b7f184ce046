package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.pagetable.Permissions;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One IOASID behind several units: what is unmapped is gone in the caches of each. */
class SeveralUnitsTest {
    private static final List<Rid> RIDS = List.of(Rid.parse("3a:00.0"), Rid.parse("3b:00.0"));

    @ParameterizedTest
    @EnumSource
    void whatIsUnmappedNoUnitRemembers(Architecture architecture) {
        try (var machine = Machine.create("m", 1L << 32, List.of(), Preset.EMPTY)) {
            for (int i = 0; i < RIDS.size(); i++) {
                machine.apply(new Command.CreateIommu("iommu" + i, true, architecture.capabilities()));
                machine.apply(new Command.CreateDevice(
                        RIDS.get(i), "iommu" + i, new DeviceTraits(null, 0, true, false, null, List.of())));
            }
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "iommu0", null, null, null));
            RIDS.forEach(rid -> machine.apply(new Command.Attach(Route.of(rid), 1, Replace.FORBIDDEN)));
            for (long page = 0; page < 4; page++) {
                long iova = 0x10000 + (page << 12);
                machine.apply(
                        new Command.Map(1, List.of(new MapRequest(iova, 0x1000, Permissions.READ_WRITE, 0x5000000L))));
                assertThat(translations(machine, iova)).allMatch(Translation.Translated.class::isInstance);
                machine.apply(new Command.Unmap(1, iova, 0x1000));
                assertThat(translations(machine, iova)).allMatch(Translation.Faulted.class::isInstance);
            }
        }
    }

    private static List<Translation> translations(Machine machine, long iova) {
        return machine.apply(new Command.Translate(RIDS.stream()
                .map(rid -> new DmaRequest(rid, DmaRequest.NO_PASID, iova, Access.READ, false))
                .toList()));
    }
}
