package dev.ioasid.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.DeviceTraits;
import dev.ioasid.machine.DmaOrder;
import dev.ioasid.machine.MapRequest;
import dev.ioasid.machine.Preset;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.EventStreams;
import dev.ioasid.service.Machines;
import java.io.IOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.resttestclient.autoconfigure.AutoConfigureRestTestClient;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.web.servlet.client.RestTestClient;

@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT)
@AutoConfigureRestTestClient
class MachineMetricsTest {
    private static final DmaRequest READ =
            new DmaRequest(new Rid(0, 0x3b, 0, 0), DmaRequest.NO_PASID, 0x1000, Access.READ, false);

    @Autowired
    RestTestClient client;

    @Autowired
    Machines machines;

    @Autowired
    EventStreams streams;

    @LocalServerPort
    int port;

    @AfterEach
    void deleteMachines() {
        machines.list(null, 1000).forEach(machine -> machines.delete(machine.name()));
    }

    private String scrape() {
        var body = client.get()
                .uri("/actuator/prometheus")
                .exchange()
                .expectStatus()
                .isOk()
                .expectBody()
                .returnResult()
                .getResponseBody();
        return new String(body, StandardCharsets.UTF_8);
    }

    private double metric(String name) throws InterruptedException {
        TimeUnit.MILLISECONDS.sleep(25); // longer than a scrape's moment
        return scrape().lines()
                .filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + name));
    }

    private void make(String name, long memory, Architecture on) {
        Arrangement.SHARED.make(machines, name, memory, on);
    }

    @ParameterizedTest
    @EnumSource
    void gaugesFollowTheMachines(Architecture on) throws InterruptedException {
        assertThat(metric("ioasid_machines")).isZero();
        make("a", 1L << 32, on);
        make("b", 1L << 32, on);
        machines.apply("a", new Command.Map(3, List.of(new MapRequest(0x1000L, 0x3000, Permissions.READ_WRITE, null))));
        assertThat(metric("ioasid_machines")).isEqualTo(2);
        assertThat(metric("ioasid_contexts")).isZero();
        assertThat(metric("ioasid_ioasids")).isEqualTo(6);
        assertThat(metric("ioasid_attachments")).isEqualTo(8);
        assertThat(metric("ioasid_mapped_bytes")).isEqualTo(0x3000);
        assertThat(metric("ioasid_table_pages")).isEqualTo(6 + 3);
        assertThat(metric("ioasid_memory_committed_bytes")).isPositive();
        deleteMachines();
        assertThat(metric("ioasid_machines")).isZero();
        assertThat(metric("ioasid_mapped_bytes")).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void countersKeepWhatDeletedMachinesHaveCounted(Architecture on) throws InterruptedException {
        double translated = metric("ioasid_translations_total{outcome=\"translated\"}");
        double faults = metric("ioasid_translations_total{outcome=\"fault\"}");
        var reason = "ioasid_faults_total{reason=\"%s\"}"
                .formatted(on.notMapped(on.sharedStage()).name());
        double absent = metric(reason);
        double dropped = metric("ioasid_faults_dropped_total");
        make("a", 1L << 32, on);
        machines.apply("a", new Command.Translate(List.of(READ, READ)));
        machines.apply("a", new Command.Map(3, List.of(new MapRequest(0x1000L, 0x1000, Permissions.READ_WRITE, null))));
        machines.apply("a", new Command.Translate(List.of(READ, READ, READ)));
        for (int i = 0; i < 2; i++) {
            assertThat(metric("ioasid_translations_total{outcome=\"translated\"}"))
                    .isEqualTo(translated + 3);
            assertThat(metric("ioasid_translations_total{outcome=\"fault\"}")).isEqualTo(faults + 2);
            assertThat(metric(reason)).isEqualTo(absent + 2);
            assertThat(metric("ioasid_faults_dropped_total")).isEqualTo(dropped);
            deleteMachines();
        }
    }

    /** The device has PRI: what it asks for, and gets no page for, is no fault. */
    @ParameterizedTest
    @EnumSource
    void dmaIsCountedPageByPage(Architecture on) throws InterruptedException {
        double translated = metric("ioasid_translations_total{outcome=\"translated\"}");
        double faults = metric("ioasid_translations_total{outcome=\"fault\"}");
        make("a", 1L << 32, on);
        machines.apply("a", new Command.Map(3, List.of(new MapRequest(0x1000L, 0x3000, Permissions.READ_WRITE, null))));
        var device = READ.rid();
        var read = DmaOrder.read(DmaRequest.NO_PASID, 0x1ff0, 0x1020);
        assertThat(machines.apply("a", new Command.StartDma(device, read)).isPending())
                .isFalse();
        assertThat(metric("ioasid_translations_total{outcome=\"translated\"}")).isEqualTo(translated + 3);
        var beyond = DmaOrder.read(DmaRequest.NO_PASID, 0x4000, 1);
        assertThat(machines.apply("a", new Command.StartDma(device, beyond)).isPending())
                .isTrue();
        assertThat(metric("ioasid_translations_total{outcome=\"fault\"}")).isEqualTo(faults);
        assertThat(metric("ioasid_translations_total{outcome=\"translated\"}")).isEqualTo(translated + 3);
    }

    /** A VT-d unit has 8 fault recording registers, an Event queue of the service's 256 entries. */
    @ParameterizedTest
    @EnumSource
    void whatAUnitHadNoRoomForIsCounted(Architecture architecture) throws InterruptedException {
        double dropped = metric("ioasid_faults_dropped_total");
        machines.create("a", 1L << 32, List.of(), Preset.valueOf(architecture.name()));
        machines.apply(
                "a",
                new Command.CreateDevice(
                        READ.rid(), "iommu0", new DeviceTraits(null, null, false, false, null, List.of())));
        int room = architecture == Architecture.VTD ? 8 : 256;
        machines.apply("a", new Command.Translate(Collections.nCopies(room + 3, READ)));
        assertThat(metric("ioasid_faults_dropped_total")).isEqualTo(dropped + 3);
        machines.apply("a", new Command.ClearFaults("iommu0"));
        machines.apply("a", new Command.Translate(Collections.nCopies(room + 4, READ)));
        machines.apply("a", new Command.DeleteDevice(READ.rid()));
        machines.apply("a", new Command.DeleteIommu("iommu0"));
        for (int i = 0; i < 2; i++) {
            assertThat(metric("ioasid_faults_dropped_total")).isEqualTo(dropped + 7);
            deleteMachines();
        }
    }

    @Test
    void eventsAreCountedAndWhoFollowsThem() throws InterruptedException {
        double events = metric("ioasid_events_total");
        double missed = metric("ioasid_events_missed_total");
        machines.create("a", 1L << 32, List.of(), Preset.SIOV); // 20 events
        try (var stream = streams.open("a", 0L)) {
            assertThat(metric("ioasid_event_streams")).isEqualTo(1);
            for (int i = 0; i < 1 << 16; i++) {
                machines.apply("a", new Command.AllocatePasid(READ.rid(), null, null));
                machines.apply("a", new Command.FreePasid(READ.rid(), 2));
            }
            assertThat(stream.take(1).missed()).isEqualTo(20 + (1 << 16));
        }
        for (int i = 0; i < 2; i++) {
            assertThat(metric("ioasid_events_total")).isEqualTo(events + 20 + (2 << 16) + i); // and its last one
            assertThat(metric("ioasid_events_missed_total")).isEqualTo(missed + 20 + (1 << 16));
            assertThat(metric("ioasid_event_streams")).isZero();
            deleteMachines();
        }
    }

    @ParameterizedTest
    @EnumSource
    void noCounterDipsWhileMachinesComeAndGo(Architecture on) throws Exception {
        var done = new AtomicBoolean();
        long[] made = {0};
        long before = machines.totals().faults();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var worker = threads.submit(() -> {
                while (!done.get()) {
                    make("x", 1L << 24, on);
                    machines.apply("x", new Command.Translate(Collections.nCopies(7, READ)));
                    machines.delete("x");
                    made[0] += 7;
                }
                return null;
            });
            long last = before;
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
            while (System.nanoTime() < end) {
                long now = machines.totals().faults();
                assertThat(now).isGreaterThanOrEqualTo(last);
                last = now;
            }
            done.set(true);
            worker.get();
        }
        assertThat(machines.totals().faults()).isEqualTo(before + made[0]);
    }

    @Test
    void noMachineIsNamed() throws InterruptedException {
        machines.create("very-special-name", 1L << 32, List.of(), Preset.SIOV);
        client.get()
                .uri("/v1/machines/very-special-name")
                .exchange()
                .expectStatus()
                .isOk();
        client.get()
                .uri("/v1/machines/other-special-name")
                .exchange()
                .expectStatus()
                .isNotFound();
        client.get().uri("/v1/special-path").exchange().expectStatus().isNotFound();
        var scraped = scrape();
        assertThat(scraped).doesNotContain("special");
        assertThat(scraped).contains("uri=\"/v1/machines/{machine}\"");
    }

    @Test
    void prometheusScrapesIt(@TempDir Path folder) throws IOException, InterruptedException {
        assumeThat(installed("prometheus")).as("prometheus is installed").isTrue();
        machines.create("a", 1L << 32, List.of(), Preset.SIOV);
        int listens;
        try (var free = new ServerSocket(0)) {
            listens = free.getLocalPort();
        }
        var config = Files.writeString(folder.resolve("prometheus.yml"), """
                global: { scrape_interval: 1s }
                scrape_configs:
                  - { job_name: ioasid, metrics_path: /actuator/prometheus, static_configs: [{ targets: ["127.0.0.1:%d"] }] }
                """.formatted(port));
        var prometheus = new ProcessBuilder(
                        "prometheus",
                        "--config.file=" + config,
                        "--storage.tsdb.path=" + folder.resolve("data"),
                        "--web.listen-address=127.0.0.1:" + listens)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        try (var http = HttpClient.newHttpClient()) {
            var question = HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:%d/api/v1/query?query=ioasid_ioasids".formatted(listens)))
                    .build();
            var answer = "";
            for (int i = 0; i < 150 && !answer.contains(",\"3\"]"); i++) {
                TimeUnit.MILLISECONDS.sleep(200);
                try {
                    answer = http.send(question, HttpResponse.BodyHandlers.ofString())
                            .body();
                } catch (ConnectException starting) {
                    answer = "it does not listen yet";
                }
            }
            assertThat(answer).contains(",\"3\"]");
        } finally {
            prometheus.destroy();
            prometheus.waitFor();
        }
    }

    private static boolean installed(String program) throws IOException, InterruptedException {
        return new ProcessBuilder("which", program).start().waitFor() == 0;
    }

    @Test
    void promtoolFindsNothingToComplainAbout() throws IOException, InterruptedException {
        assumeThat(installed("promtool")).as("promtool is installed").isTrue();
        client.get().uri("/v1/machines").exchange().expectStatus().isOk();
        var promtool = new ProcessBuilder("promtool", "check", "metrics")
                .redirectErrorStream(true)
                .start();
        try (var input = promtool.getOutputStream()) {
            input.write(scrape().getBytes(StandardCharsets.UTF_8));
        }
        assertThat(new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEmpty();
        assertThat(promtool.waitFor()).isZero();
    }
}
