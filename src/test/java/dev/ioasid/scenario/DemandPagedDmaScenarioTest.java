package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Two VMs, their guests' processes with demand paging, and a host process, whose devices move bytes at random: each byte is compared with a
 * plain copy, also where DMA waits for pages, and where it is stopped.
 *
 * <p>{@code -Dioasid.dma=100000} has so many DMAs done for each architecture.
 */
class DemandPagedDmaScenarioTest extends ClientTest {
    private static final int DMAS = Integer.getInteger("ioasid.dma", 10_000);

    @AfterEach
    void deleteMachines() {
        for (var machine : client.get("").json().get("items")) {
            client.delete("/" + machine.get("name").asString());
        }
    }

    @ParameterizedTest
    @CsvSource({"VTD, 1", "SMMUV3, 2"})
    void everyByteIsWhereACopyHasIt(Architecture architecture, long seed) {
        var random = new Random(seed);
        var devices = SharedDevices.make(this, client, "m", architecture, random);
        var pager = new Pager(client, devices.machine(), devices.routes(), new Random(random.nextLong()));
        var run = new RandomDma(this, client, devices, pager, architecture == Architecture.VTD ? 8 : 256, random);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var answers =
                    CompletableFuture.runAsync(pager, threads).whenComplete((done, failed) -> run.interrupt(failed));
            try {
                run.go(DMAS);
            } catch (AssertionError | RuntimeException failed) {
                throw new AssertionError(
                        "seed %d, step %d: %s".formatted(seed, run.step(), failed.getMessage()), failed);
            } finally {
                pager.finish();
            }
            answers.join();
        }
        run.checkMemory();
        run.checkVariety();
        var fresh = SharedDevices.make(this, client, "fresh", architecture, null);
        assertThat(devices.tearDown()).isEqualTo(fresh.tearDown());
    }
}
