package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Translation;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class VtdExplanationPropertyTest {
    @Property(tries = 1000)
    void anExplanationAnswersWhatTranslationDoesAndChangesNothing(@ForAll long seed) {
        var tables = new RandomTables(seed);
        try (var memory = RandomTables.memory(tables.hole)) {
            tables.writeTo(memory);
            for (var request : tables.requests) {
                var before = RandomTables.image(memory, tables.hole);
                var unit = tables.hardware(memory);
                var registers = unit.registers();

                var explained = unit.explain(request);

                assertThat(RandomTables.image(memory, tables.hole)).isEqualTo(before);
                assertThat(unit.registers()).isEqualTo(registers);
                assertThat(unit.faults()).isEmpty();
                assertThat(unit.faultCounts().values()).allMatch(count -> count == 0);
                assertThat(unrecorded(explained.result())).isEqualTo(unrecorded(unit.translate(request)));
            }
        }
    }

    private static Translation unrecorded(Translation translation) {
        return translation instanceof Translation.Faulted(Fault fault)
                ? new Translation.Faulted(new Fault(
                        fault.code(),
                        fault.name(),
                        fault.detail(),
                        fault.stage(),
                        fault.level(),
                        fault.address(),
                        fault.recoverable(),
                        false))
                : translation;
    }
}
