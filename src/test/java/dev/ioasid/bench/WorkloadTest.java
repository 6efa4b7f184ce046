package dev.ioasid.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is measured is what the C program measures: the same results, in sum. */
class WorkloadTest {
    @ParameterizedTest
    @EnumSource
    void anSmmuComesToTheResultsOfVtd(VmsaWorkload workload) {
        try (var world = workload.open()) {
            var loop = new VmsaWorkload.Loop(workload, world, Workload.SEED);
            assertThat(loop.run(Workload.CHECKED)).isEqualTo(workload.like().checksum());
        }
    }

    @ParameterizedTest
    @EnumSource
    void theSumOfTheResultsIsThatOfTheProgramInC(Workload workload) {
        try (var world = workload.open()) {
            var loop = new Workload.Loop(workload, world, Workload.SEED);
            assertThat(loop.run(Workload.CHECKED)).isEqualTo(workload.checksum());
        }
    }
}
