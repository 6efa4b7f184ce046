package dev.ioasid.packaged;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.model.Capability;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.ImageFromDockerfile;

/** The image of {@code docker/image.sh}, run with as few rights as it can do with. */
@ExtendWith(DockerCondition.class)
class ContainerIT extends PackagedService {
    private static final int PORT = 8080;
    private static final long MEMORY = 512L << 20;

    private final ImageFromDockerfile image;

    ContainerIT() throws IOException, InterruptedException {
        var script = new ProcessBuilder("docker/image.sh", System.getProperty("ioasid.jar")).redirectErrorStream(true);
        script.environment().put("JAVA_HOME", System.getProperty("java.home"));
        var making = script.start();
        var output = new String(making.getInputStream().readAllBytes(), UTF_8);
        assertThat(making.waitFor())
                .as("exit status of docker/image.sh, which printed%n%s", output)
                .isZero();
        image = new ImageFromDockerfile().withFileFromPath(".", Path.of("target/image"));
    }

    record Container(GenericContainer<?> container) implements Running {
        @Override
        public String address() {
            return container.getHost() + ":" + container.getMappedPort(PORT);
        }

        @Override
        public String output() {
            return container.getLogs();
        }

        /** {@code docker stop}: the image's own stop signal, then SIGKILL. */
        @Override
        public int terminate(Duration longest) {
            container
                    .getDockerClient()
                    .stopContainerCmd(container.getContainerId())
                    .withTimeout((int) longest.toSeconds())
                    .exec();
            return inspect().getState().getExitCodeLong().intValue();
        }

        InspectContainerResponse inspect() {
            return container.getCurrentContainerInfo();
        }

        @Override
        public void close() {
            container.close();
        }
    }

    @Override
    Container start() {
        var container = new GenericContainer<>(image)
                .withImagePullPolicy(name -> false) // all it needs is here; a pull would only hide a mistake
                .withExposedPorts(PORT)
                .withTmpFs(Map.of("/tmp", ""))
                .withCreateContainerCmdModifier(command -> Objects.requireNonNull(command.getHostConfig())
                        .withReadonlyRootfs(true)
                        .withMemory(MEMORY)
                        .withCapDrop(Capability.ALL)
                        .withSecurityOpts(List.of("no-new-privileges")))
                .waitingFor(Wait.forHttp(READINESS).withStartupTimeout(READY_WITHIN));
        container.start();
        return new Container(container);
    }

    @AfterAll
    @Override
    void stop() throws Exception {
        super.stop();
        DockerClientFactory.instance()
                .client()
                .removeImageCmd(image.get())
                .withForce(true)
                .exec();
    }

    @Test
    void runsAsAUserWithoutRightsAndSaysThatItIsHealthy() {
        var container = (Container) running();
        assertThat(container.inspect().getConfig().getUser()).isEqualTo("10001:10001");
        await().atMost(Duration.ofSeconds(60))
                .until(() ->
                        container.inspect().getState().getHealth().getStatus().equals("healthy"));
    }
}
