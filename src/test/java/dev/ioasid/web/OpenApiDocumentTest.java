package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.TestPropertySource;

/**
 * The OpenAPI document is made anew from the controllers and has to be the one that is published and served.
 * {@code -Dioasid.openapi.write=true} publishes the new one.
 */
@Import(OpenApi.class)
@TestPropertySource(properties = "springdoc.api-docs.enabled=true")
class OpenApiDocumentTest extends HttpTest {
    private static final Path PUBLISHED = Path.of("openapi/ioasid.yaml");

    @Test
    void whatIsPublishedIsWhatTheControllersSay() throws IOException {
        var generated = new String(bytes(get("/generated.yaml").expectStatus().isOk()), StandardCharsets.UTF_8);
        if (Boolean.getBoolean("ioasid.openapi.write")) {
            Files.createDirectories(PUBLISHED.getParent());
            Files.writeString(PUBLISHED, generated);
        }
        assertThat(generated)
                .as("the generated document; if the change is meant: ./mvnw verify -Dioasid.openapi.write=true")
                .isEqualTo(Files.readString(PUBLISHED));
    }

    @Test
    void asJsonItIsTheSame() {
        assertThat(json("/v3/api-docs")).isEqualTo(json("/generated"));
    }

    @Test
    void thePageShowsIt() {
        get("/swagger-ui.html")
                .expectStatus()
                .isFound()
                .expectHeader()
                .valueMatches("Location", ".*/swagger-ui/index.html");
        get("/swagger-ui/index.html").expectStatus().isOk();
        refused(get("/swagger-ui/nothing"), 404, "ENOENT", "{\"detail\": \"there is nothing at /swagger-ui/nothing\"}");
        get("/swagger-ui/swagger-ui-bundle.js").expectStatus().isOk();
        assertThat(new String(bytes(get("/swagger-ui/swagger-initializer.js")), StandardCharsets.UTF_8))
                .contains("../v3/api-docs");
    }
}
