package dev.ioasid.web;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.io.ClassPathResource;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.config.annotation.ResourceHandlerRegistry;
import org.springframework.web.servlet.config.annotation.ViewControllerRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import tools.jackson.databind.json.JsonMapper;

/**
 * The OpenAPI document and its page. The document is {@code openapi/ioasid.yaml}, as it was generated from these controllers: a test
 * makes it anew and compares. So no start pays for that, and what is published is what is served.
 */
@RestController
class ApiDocsController {
    private static final ClassPathResource DOCUMENT = new ClassPathResource("openapi/ioasid.yaml");

    private final JsonMapper json;

    ApiDocsController(JsonMapper json) {
        this.json = json;
    }

    @GetMapping(value = "/v3/api-docs", produces = Web.JSON)
    byte[] json() throws IOException {
        Object document = new Yaml(new SafeConstructor(new LoaderOptions())).load(text());
        return json.writeValueAsBytes(document);
    }

    @GetMapping("/v3/api-docs.yaml")
    ResponseEntity<String> yaml() throws IOException {
        return ResponseEntity.ok().header("Content-Type", "application/yaml").body(text());
    }

    private static String text() throws IOException {
        return DOCUMENT.getContentAsString(StandardCharsets.UTF_8);
    }

    /** Swagger UI, told where the document is. */
    @Configuration(proxyBeanMethods = false)
    static class Pages implements WebMvcConfigurer {
        private final String swaggerUi;

        /** @param version of the web jar: its files are in a folder of that name */
        Pages(@Value("${ioasid.swagger-ui.version}") String version) {
            this.swaggerUi = "classpath:/META-INF/resources/webjars/swagger-ui/" + version + "/";
        }

        @Override
        public void addResourceHandlers(ResourceHandlerRegistry registry) {
            registry.addResourceHandler("/swagger-ui/**").addResourceLocations("classpath:/swagger-ui/", swaggerUi);
        }

        @Override
        public void addViewControllers(ViewControllerRegistry registry) {
            registry.addRedirectViewController("/swagger-ui.html", "/swagger-ui/index.html");
        }
    }
}
