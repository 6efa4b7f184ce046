package dev.ioasid.web;

import static dev.ioasid.web.OpenApiSchemas.reference;

import dev.ioasid.errno.Errno;
import dev.ioasid.iommu.Rid;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.headers.Header;
import io.swagger.v3.oas.models.info.Info;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.parameters.Parameter;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.servers.Server;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springdoc.core.customizers.OperationCustomizer;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.core.MethodParameter;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.PathVariable;

/** The OpenAPI document: what the controllers do not say about themselves. */
@TestConfiguration(proxyBeanMethods = false)
class OpenApi {
    private static final String PROBLEM = "application/problem+json";

    private final OpenApiExamples examples = OpenApiExamples.load();

    @Bean
    OpenAPI description() {
        return new OpenAPI()
                .info(new Info()
                        .title("ioasid")
                        .version("1")
                        .summary("/dev/ioasid as a service")
                        .description("""
                                A REST control plane for I/O address spaces on a bit-accurate model of IOMMU hardware.

                                64-bit quantities are hex strings; input also takes JSON numbers. Lists are paged: \
                                `limit` and `after` in, `items` and `next` out. Bodies are strict: an unknown property, \
                                a duplicate key or a fraction where an integer belongs is refused (EINVAL), and so is \
                                an unknown query parameter. JSON and text bodies have at most 8 MiB, others 64 MiB \
                                (E2BIG). Whatever is refused has changed nothing and answers `application/problem+json`; of \
                                a list of invalidations or commands what stands before the bad one has been done.

                                Each operation's example works as it stands against a machine that was made by \
                                `POST /v1/machines {"name": "m1", "memory": "0x100000000", "preset": "siov"}`; where \
                                something else has to be there first, `x-before` lists the requests that make it."""))
                .servers(List.of(new Server().url("/").description("this service")));
    }

    /** Adds to an operation why it may be refused. */
    @Bean
    OperationCustomizer refusals() {
        return (operation, method) -> {
            var errnos = EnumSet.of(Errno.EINVAL);
            var refuses = method.getMethodAnnotation(Refuses.class);
            if (refuses != null) {
                errnos.addAll(Arrays.asList(refuses.value()));
            }
            if (operation.getParameters() != null
                    && operation.getParameters().stream().anyMatch(parameter -> "path".equals(parameter.getIn()))) {
                errnos.add(Errno.ENOENT);
            }
            if (Arrays.stream(method.getMethodParameters()).anyMatch(OpenApi::isDevice)) {
                errnos.add(Errno.ENODEV);
            }
            if (operation.getRequestBody() != null) {
                errnos.add(Errno.E2BIG);
                refusal(operation, HttpStatus.UNSUPPORTED_MEDIA_TYPE, "EINVAL: a Content-Type that is not taken");
            }
            errnos.stream()
                    .collect(Collectors.groupingBy(Problems::status, TreeMap::new, Collectors.toSet()))
                    .forEach((status, reasons) -> refusal(operation, status, words(reasons)));
            if (answers(operation)) {
                refusal(operation, HttpStatus.NOT_ACCEPTABLE, "EINVAL: an Accept that cannot be served");
            }
            operation.getResponses().addApiResponse("500", problem("EIO: an internal error"));
            return operation;
        };
    }

    private static boolean isDevice(MethodParameter parameter) {
        return parameter.hasParameterAnnotation(PathVariable.class) && parameter.getParameterType() == Rid.class;
    }

    private static boolean answers(Operation operation) {
        return operation.getResponses().keySet().stream().noneMatch("204"::equals);
    }

    private static void refusal(Operation operation, HttpStatus status, String reasons) {
        operation.getResponses().addApiResponse(Integer.toString(status.value()), problem(reasons));
    }

    private static String words(Set<Errno> reasons) {
        return reasons.stream()
                .sorted()
                .map(errno -> errno + ": " + Problems.title(errno).toLowerCase(Locale.ROOT))
                .collect(Collectors.joining("; "));
    }

    private static ApiResponse problem(String description) {
        var content = new Content().addMediaType(PROBLEM, new MediaType().schema(reference("Problem")));
        return new ApiResponse().description(description).content(content);
    }

    /** Adds what is the same for all operations: wire types, words, examples. */
    @Bean
    OpenApiCustomizer completion() {
        return api -> {
            var schemas = api.getComponents().getSchemas();
            schemas.putAll(OpenApiSchemas.WIRE_TYPES);
            schemas.put("Problem", OpenApiSchemas.problem());
            schemas.forEach((name, schema) -> describe(schema));
            api.getTags().sort(Comparator.comparing(tag -> tag.getName()));
            api.getPaths().values().stream()
                    .flatMap(path -> path.readOperations().stream())
                    .forEach(this::complete);
        };
    }

    private void describe(Schema<?> schema) {
        if (schema.getProperties() != null) {
            schema.getProperties().forEach((name, property) -> {
                if (property.getDescription() == null) {
                    property.setDescription(examples.words().get(name));
                }
            });
        }
    }

    private void complete(Operation operation) {
        var example = examples.of(operation.getOperationId());
        if (operation.getParameters() != null) {
            operation.getParameters().forEach(parameter -> complete(parameter, example));
        }
        if (operation.getRequestBody() != null) {
            operation.getRequestBody().getContent().forEach((type, content) -> {
                binary(type, content);
                content.setExample(Objects.requireNonNull(
                        example.in(type), () -> operation.getOperationId() + " has no example of " + type));
            });
        }
        if (example.before() != null) {
            operation.addExtension("x-before", example.before());
        }
        operation.getResponses().forEach((status, response) -> {
            if (response.getContent() != null) {
                response.getContent().forEach(OpenApi::binary);
            }
        });
        var created = operation.getResponses().get("201");
        if (created != null) {
            created.addHeaderObject(
                    "Location",
                    new Header().description("the path of what was made").schema(OpenApiSchemas.of("string", null)));
        }
    }

    private void complete(Parameter parameter, OpenApiExamples.Example example) {
        var name = parameter.getName();
        if (parameter.getDescription() == null) {
            parameter.setDescription(examples.words().get(name));
        }
        parameter.setSchema(schema(parameter));
        parameter.setExample(
                example.parameters().getOrDefault(name, examples.parameters().get(name)));
    }

    /** Springdoc sees only strings where a converter reads the parameter. */
    private static Schema<?> schema(Parameter parameter) {
        return switch (parameter.getName()) {
            case "address", "iova", "offset" -> reference("Hex");
            case "length" ->
                parameter.getSchema().getDefault() == null
                        ? reference("Hex")
                        : withDefault(reference("Hex"), MemoryController.DEFAULT_LENGTH);
            case "rid" -> reference("Rid");
            case "wait" -> withDefault(reference("WaitTime"), WaitTime.NONE);
            case "pasid" -> reference("Pasid");
            case "limit" ->
                parameter.getSchema().getDefault() == null
                        ? reference("Limit")
                        : withDefault(reference("Limit"), Integer.valueOf(Limit.DEFAULT));
            default -> parameter.getSchema();
        };
    }

    private static Schema<?> withDefault(Schema<?> schema, Object value) {
        schema.setDefault(value);
        return schema;
    }

    private static void binary(String type, MediaType content) {
        if (type.equals(Web.BYTES)) {
            content.setSchema(OpenApiSchemas.of("string", null).format("binary"));
        }
    }
}
