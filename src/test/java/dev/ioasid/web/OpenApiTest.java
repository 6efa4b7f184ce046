package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import org.junit.jupiter.api.Test;

/** What generated clients are named by, and what they show. */
class OpenApiTest extends HttpTest {
    @Test
    void everyOperationHasANameOfItsOwn() {
        var names = new HashSet<String>();
        json("/v3/api-docs")
                .path("paths")
                .valueStream()
                .forEach(path -> path.valueStream().forEach(operation -> {
                    var name = operation.path("operationId").asString();
                    assertThat(name).matches("[a-z][A-Za-z]*");
                    assertThat(names.add(name)).as(name).isTrue();
                }));
        assertThat(names).hasSizeGreaterThan(40);
    }

    @Test
    void everyPropertyIsDescribed() {
        json("/v3/api-docs")
                .path("components")
                .path("schemas")
                .propertyStream()
                .forEach(schema -> schema.getValue()
                        .path("properties")
                        .propertyStream()
                        .forEach(property -> assertThat(property.getValue().propertyNames())
                                .as("%s.%s", schema.getKey(), property.getKey())
                                .contains("description")));
    }
}
