package dev.ioasid.web;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JavaType;
import dev.ioasid.errno.Errno;
import io.swagger.v3.core.converter.AnnotatedType;
import io.swagger.v3.core.converter.ModelConverter;
import io.swagger.v3.core.converter.ModelConverterContext;
import io.swagger.v3.oas.models.SpecVersion;
import io.swagger.v3.oas.models.media.Schema;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;

/** What {@link Json} does by rule, told to the OpenAPI document: what is required, how enums are spelled, wire types. */
@Component
class OpenApiSchemas implements ModelConverter {
    /** The schemas of the types that read and print themselves. */
    static final Map<String, Schema<?>> WIRE_TYPES = Map.of(
            "Hex",
                    string("^0x[0-9a-fA-F]{1,16}$", "0x1f000")
                            .description(
                                    "A 64-bit quantity, unsigned. Input also takes an integer from 0 to 2^64 - 1."),
            "Rid",
                    string("^([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\\.[0-7]$", "0000:3a:00.0")
                            .description("Segment, bus, device and function. The segment may be left out on input."),
            "Permissions",
                    string("^r?w?x?p?$", "rw")
                            .description(
                                    "r, w or rw, with x (execute) and p (privileged only) where the format has them."),
            "Name", string("^" + Name.PATTERN + "$", "m1").description("A name that needs no escaping in a path."),
            "Pasid",
                    of("integer", 1)
                            .minimum(BigDecimal.ZERO)
                            .maximum(BigDecimal.valueOf(Pasid.LARGEST))
                            .description("20 bits. 0 is never given out, and no route has it."),
            "WaitTime",
                    string("^[0-9]{1,7}(ms|s|m|h)$", "30s")
                            .description("How long, as in 500ms, 30s or 5m; at most 1h."),
            "Limit", of("integer", 100).minimum(BigDecimal.ONE).maximum(BigDecimal.valueOf(Limit.LARGEST)));

    static Schema<?> of(String type, @Nullable Object example) {
        var schema = new Schema<>(SpecVersion.V31);
        schema.addType(type);
        if (example != null) {
            schema.setExample(example);
        }
        return schema;
    }

    private static Schema<?> string(String pattern, String example) {
        return of("string", example).pattern(pattern);
    }

    static Schema<?> reference(String name) {
        return new Schema<>(SpecVersion.V31).$ref("#/components/schemas/" + name);
    }

    /** RFC 9457, and what {@link Problems} adds. */
    static Schema<?> problem() {
        var errnos = Arrays.stream(Errno.values()).map(Errno::name).toList();
        var schema = of("object", null)
                .description(
                        "Why a request was refused (RFC 9457). The ids and addresses concerned stand beside these, by name.")
                .addProperty(
                        "type", of("string", "urn:ioasid:errno:EBUSY").description("urn:ioasid:errno: and the errno"))
                .addProperty("title", of("string", "In use").description("what the errno means"))
                .addProperty("status", of("integer", 409).description("the HTTP status"))
                .addProperty("detail", of("string", null).description("what was found, and what was expected"))
                .addProperty("instance", of("string", "/v1/machines/m1").description("the path of the request"))
                .addProperty("errno", enumeration(errnos).description("the errno that a Linux caller would get"));
        schema.setAdditionalProperties(true);
        schema.setRequired(List.of("type", "title", "status", "detail", "errno"));
        return schema;
    }

    static Schema<?> enumeration(List<String> values) {
        @SuppressWarnings("unchecked")
        var schema = (Schema<Object>) of("string", null);
        schema.setEnum(List.copyOf(values));
        return schema;
    }

    @Override
    public @Nullable Schema<?> resolve(
            AnnotatedType type, ModelConverterContext context, Iterator<ModelConverter> chain) {
        var raw = raw(type);
        if (raw != null && raw.getPackage() == OpenApiSchemas.class.getPackage() && raw.isEnum()) {
            return enumeration(Arrays.stream(raw.getEnumConstants())
                    .map(constant -> WireName.of((Enum<?>) constant))
                    .toList());
        }
        var schema = chain.hasNext() ? chain.next().resolve(type, context, chain) : null;
        if (schema != null && raw != null && raw.isRecord()) {
            var model = schema.get$ref() == null
                    ? schema
                    : context.getDefinedModels()
                            .get(schema.get$ref().substring(schema.get$ref().lastIndexOf('/') + 1));
            if (model != null) {
                model.setRequired(required(raw));
            }
        }
        return schema;
    }

    private static @Nullable Class<?> raw(AnnotatedType type) {
        return switch (type.getType()) {
            case Class<?> raw -> raw;
            case JavaType resolved -> resolved.getRawClass();
            case null, default -> null;
        };
    }

    private static @Nullable List<String> required(Class<?> raw) {
        var names = Arrays.stream(raw.getRecordComponents())
                .filter(component -> !component.getAnnotatedType().isAnnotationPresent(Nullable.class))
                .map(OpenApiSchemas::name)
                .toList();
        return names.isEmpty() ? null : names;
    }

    private static String name(RecordComponent component) {
        var property = component.getAccessor().getAnnotation(JsonProperty.class);
        return property == null ? component.getName() : property.value();
    }
}
