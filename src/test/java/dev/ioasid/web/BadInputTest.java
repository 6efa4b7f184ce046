package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Malformed input, endpoint by endpoint: refused with the right errno, and nothing has changed. */
class BadInputTest extends HttpTest {
    private static final JsonMapper JSON = new JsonMapper();

    @LocalServerPort
    int port;

    /** A body that its operation takes; each test spoils it in one place. */
    private record Good(String method, String path, String body) {}

    private static final List<Good> BODIES = List.of(
            new Good("POST", "/v1/machines", """
                    {"name": "m2", "memory": "0x10000", "preset": "empty", "holes": [{"first": "0x1000", "last": "0x1fff"}]}"""),
            new Good("POST", "/v1/machines/m1/iommus", """
                    {"name": "u1", "type": "vtd", "managed": false,
                     "capabilities": {"pasidBits": 10, "pageSizes": ["0x1000"], "ats": true}}"""),
            new Good("POST", "/v1/machines/m1/iommus", """
                    {"name": "u1", "type": "smmuv3", "managed": false,
                     "capabilities": {"granules": ["0x1000"], "stage2": true, "outputBits": 44}}"""),
            new Good("PATCH", "/v1/machines/m1/iommus/free/registers", """
                    {"RTADDR": "0x1000"}"""),
            new Good("PATCH", "/v1/machines/m1/iommus/free-smmu/registers", """
                    {"STRTAB_BASE": "0x1000"}"""),
            new Good("POST", "/v1/machines/m1/devices", """
                    {"rid": "0000:3c:00.0", "iommu": "iommu0", "name": "x", "pasidBits": 4, "ats": true, "pri": true,
                     "group": 9, "reservedRegions": [{"first": "0x0", "last": "0xfff", "type": "direct"}]}"""),
            new Good("POST", "/v1/machines/m1/devices", """
                    {"rid": "0000:3c:00.0", "iommu": "smmu", "streamId": "0x77"}"""),
            new Good("POST", "/v1/machines/m1/devices/0000:3a:00.0/pasids", """
                    {"pasid": 50, "name": "x"}"""),
            new Good("PUT", "/v1/machines/m1/devices/0000:3b:00.0/attachment", """
                    {"ioasid": 2, "replace": true}"""),
            new Good("PUT", "/v1/machines/m1/devices/0000:3a:00.0/pasids/50/attachment", """
                    {"ioasid": 2, "replace": false}"""),
            new Good("POST", "/v1/machines/m1/ioasids", """
                    {"type": "paging", "iommu": "iommu0", "format": "vtd-second-stage", "addressWidth": 48, "name": "x"}"""),
            new Good("POST", "/v1/machines/m1/ioasids", """
                    {"type": "paging", "iommu": "smmu", "format": "armv8-stage2", "granule": "0x4000"}"""),
            new Good("POST", "/v1/machines/m1/binds", """
                    {"rid": "0000:3a:00.0", "pasid": 9, "parent": 3, "format": "x86-64", "root": "0x1000",
                     "options": ["supervisor"]}"""),
            new Good("POST", "/v1/machines/m1/binds", """
                    {"rid": "0000:40:00.0", "pasid": 9, "parent": 4, "format": "armv8-stage1", "root": "0x1000",
                     "addressWidth": 48, "granule": "0x1000", "asid": 7}"""),
            new Good("POST", "/v1/machines/m1/binds", """
                    {"rid": "0000:40:00.0", "parent": 4, "format": "smmuv3-cd-table", "root": "0x1000", "s1cdmax": 4, "s1fmt": 0}"""),
            new Good("POST", "/v1/machines/m1/invalidations", """
                    {"ioasid": 3, "caches": ["iotlb"], "granularity": "range", "iova": "0x1000", "length": "0x1000", "leaf": true}"""),
            new Good("POST", "/v1/machines/m1/ioasids/3/mappings", """
                    {"iova": "0x9000", "length": "0x1000", "permissions": "rw", "physicalAddress": "0x5000"}"""),
            new Good("POST", "/v1/machines/m1/ioasids/3/mappings", """
                    {"mappings": [{"iova": "0x9000", "length": "0x1000", "permissions": "rw"}]}"""),
            new Good("POST", "/v1/machines/m1/ioasids", """
                    {"type": "sva", "process": 1, "iommu": "iommu0", "name": "x"}"""),
            new Good("POST", "/v1/machines/m1/dma", """
                    {"rid": "0000:3b:00.0", "pasid": 3, "iova": "0x9000", "operation": "read", "length": "0x1",
                     "privileged": false}"""),
            new Good("POST", "/v1/machines/m1/dma", """
                    {"rid": "0000:3b:00.0", "target": {"rid": "0000:3a:00.0", "region": 0, "offset": "0x0"}, "operation": "read",
                     "length": "0x1"}"""),
            new Good("POST", "/v1/machines/m1/dma/batch", """
                    {"rid": "0000:3b:00.0", "requests": [{"iova": "0x9000", "operation": "read", "length": "0x1"}]}"""),
            new Good("POST", "/v1/machines/m1/page-requests/1/response", """
                    {"code": "success"}"""),
            new Good("PATCH", "/v1/machines/m1/devices/0000:3a:00.0", """
                    {"invalidationAnswers": false, "pageRequestTimeout": "5s", "pageRequestsPerGroup": 2}"""),
            new Good("POST", "/v1/machines/m1/injections", """
                    {"type": "poisoned-memory", "first": "0x0", "last": "0xfff", "unlimited": true}"""),
            new Good("POST", "/v1/machines/m1/injections", """
                    {"type": "malformed-request", "rid": "0000:3b:00.0", "kind": "pasid", "pasid": 7, "count": 2}"""),
            new Good("POST", "/v1/machines/m1/injections", """
                    {"type": "full-queue", "iommu": "iommu0", "queue": "page-requests"}"""),
            new Good("POST", "/v1/machines/m1/processes", """
                    {"format": "armv8-stage1", "levels": 4, "granule": "0x1000", "demandPaging": true}"""),
            new Good("POST", "/v1/machines/m1/processes/1/mappings", """
                    {"address": "0x100000", "length": "0x1000", "permissions": "rw"}"""),
            new Good("PUT", "/v1/machines/m1/ioasids/3/allowed-ranges", """
                    {"ranges": [{"first": "0x100000", "last": "0x1fffff"}]}"""),
            new Good("POST", "/v1/machines/m1/translations", """
                    {"requests": [{"rid": "0000:3b:00.0", "iova": "0x7000", "access": "read", "privileged": false}]}"""),
            new Good("POST", "/v1/machines/m1/translations/explain", """
                    {"rid": "0000:3a:00.0", "pasid": 2, "iova": "0x7000", "access": "read"}"""));

    @BeforeEach
    void makeMachine() {
        machine("siov");
        post(M1 + "/iommus", """
                {"name": "free", "type": "vtd", "managed": false}""").expectStatus().isCreated();
        post(M1 + "/iommus", """
                {"name": "free-smmu", "type": "smmuv3", "managed": false}""").expectStatus().isCreated();
        post(M1 + "/iommus", """
                {"name": "smmu", "type": "smmuv3"}""").expectStatus().isCreated();
        post(M1 + "/devices", """
                {"rid": "40:00.0", "iommu": "smmu"}""").expectStatus().isCreated();
        post(M1 + "/ioasids", """
                {"type": "paging", "iommu": "smmu"}""").expectStatus().isCreated();
        post(M1 + "/ioasids/3/mappings", """
                {"iova": "0x1000", "length": "0x2000", "permissions": "rw"}""").expectStatus().isCreated();
        post(M1 + "/processes", "{\"format\": \"x86-64\"}").expectStatus().isCreated();
    }

    /** All that can be seen of the service. */
    private String everything() {
        return Stream.of(
                        "/v1/machines",
                        M1 + "/iommus",
                        M1 + "/iommus/iommu0/registers",
                        M1 + "/iommus/iommu0/faults",
                        M1 + "/iommus/free/registers",
                        M1 + "/iommus/free-smmu/registers",
                        M1 + "/iommus/smmu/registers",
                        M1 + "/devices",
                        M1 + "/devices/0000:3a:00.0/pasids",
                        M1 + "/ioasids",
                        M1 + "/binds",
                        M1 + "/ioasids/3/mappings",
                        M1 + "/ioasids/3/allowed-ranges",
                        M1 + "/processes",
                        M1 + "/processes/1/mappings",
                        M1 + "/injections",
                        M1 + "/page-requests",
                        M1 + "/topology")
                .map(path -> json(path).toString())
                .collect(Collectors.joining("\n"));
    }

    static Stream<Arguments> spoiled() {
        return BODIES.stream().flatMap(good -> {
            var body = JSON.readTree(good.body());
            var spoils = Stream.<Arguments>builder();
            spoils.add(Arguments.of("not JSON", good, good.body() + "}", null));
            spoils.add(Arguments.of("more behind it", good, good.body() + " {}", null));
            spoils.add(Arguments.of(
                    "cut off", good, good.body().substring(0, good.body().length() - 1), null));
            if (!good.path().endsWith("/pasids")) { // its body may be left out
                spoils.add(Arguments.of("empty", good, "", null));
                spoils.add(Arguments.of("null", good, "null", null));
            }
            spoils.add(Arguments.of("an array", good, "[" + good.body() + "]", null));
            spoil(body, body, "", good, spoils);
            return spoils.build();
        });
    }

    /** Everything that can be wrong with each value at or below {@code at}. */
    private static void spoil(JsonNode root, JsonNode at, String path, Good good, Stream.Builder<Arguments> spoils) {
        if (at instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                spoil(root, array.get(i), path + "[" + i + "]", good, spoils);
            }
        }
        if (!(at instanceof ObjectNode object)) {
            return;
        }
        boolean freeNames = good.path().endsWith("/registers");
        var unknown = object.deepCopy().put("surprise", 1);
        spoils.add(Arguments.of(
                "unknown property", good, with(root, at, unknown), freeNames ? null : join(path, "surprise")));
        var first = object.propertyNames().iterator().next();
        var twice = object.toString().replaceFirst("\\{", "{\"" + first + "\":" + object.get(first) + ",");
        spoils.add(Arguments.of("duplicate key", good, root.toString().replace(object.toString(), twice), null));
        for (var name : List.copyOf(object.propertyNames())) {
            var here = join(path, name);
            var value = object.get(name);
            for (var wrong : wrong(name, value)) {
                var changed = object.deepCopy();
                changed.set(name, JSON.readTree(wrong));
                spoils.add(Arguments.of(here + " = " + wrong, good, with(root, at, changed), here));
            }
            spoil(root, value, here, good, spoils);
        }
    }

    private static String with(JsonNode root, JsonNode old, JsonNode changed) {
        return root.toString().replace(old.toString(), changed.toString());
    }

    private static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private static List<String> wrong(String name, JsonNode value) {
        if (value.isBoolean()) {
            return List.of("\"true\"", "1", "{}", "[]");
        } else if (value.isNumber()) {
            return List.of("1.5", "1e1", "\"1\"", "true", "{}", "[1]", "99999999999", "99999999999999999999");
        } else if (value.isArray()) {
            return List.of("{}", "\"\"", "1", "[null]", "[[]]");
        } else if (value.isObject()) {
            return List.of("[]", "\"\"", "1", "true");
        } else if (value.asString().startsWith("0x")) {
            return List.of(
                    "1.5",
                    "1e1",
                    "-1",
                    "\"1000\"",
                    "\"0x\"",
                    "\"0x10000000000000000\"",
                    "18446744073709551616",
                    "\"-0x1\"",
                    "\" 0x1\"",
                    "true",
                    "{}",
                    "[1]",
                    "\"\"");
        } else if (name.equals("iommu")) {
            return List.of("1", "true", "{}", "[]");
        } else if (name.equals("name")) {
            return List.of("1", "true", "{}", "[]", "1.5");
        }
        return List.of("1", "true", "{}", "[]", "\"\"", "\"nonsense\"", "\"READ\"");
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("spoiled")
    void aSpoiledBodyIsRefusedAndNothingHasChanged(String what, Good good, String body, @Nullable String property) {
        var before = everything();
        var response = send(HttpMethod.valueOf(good.method()), good.path(), body);
        response.expectStatus().isBadRequest();
        var problem = json(response);
        assertThat(problem.get("errno").asString()).isEqualTo("EINVAL");
        if (property != null) {
            assertThat(problem.get("property").asString()).startsWith(property);
            assertThat(problem.get("detail").asString()).contains(property);
        }
        assertThat(everything()).isEqualTo(before);
    }

    @ParameterizedTest(name = "{0} {1} without {3}")
    @CsvSource(delimiter = '|', textBlock = """
            POST  | /v1/machines                                        | {"memory": 4096}                              | name
            POST  | /v1/machines                                        | {"name": "m2"}                                | memory
            POST  | /v1/machines                                        | {"name": null, "memory": 4096}                | name
            POST  | /v1/machines/m1/iommus                              | {"name": "u1"}                                | type
            POST  | /v1/machines/m1/iommus                              | {"type": "vtd"}                               | name
            POST  | /v1/machines/m1/devices                             | {"rid": "3c:00.0"}                            | iommu
            POST  | /v1/machines/m1/devices                             | {"iommu": "iommu0"}                           | rid
            PUT   | /v1/machines/m1/devices/3b:00.0/attachment          | {}                                            | ioasid
            PUT   | /v1/machines/m1/devices/3b:00.0/attachment          | {"ioasid": null}                              | ioasid
            PUT   | /v1/machines/m1/devices/3a:00.0/pasids/5/attachment | {"replace": false}                            | ioasid
            POST  | /v1/machines/m1/ioasids                             | {}                                            | type
            POST  | /v1/machines/m1/ioasids/3/mappings                  | {"permissions": "r"}                          | length
            POST  | /v1/machines/m1/ioasids/3/mappings                  | {"length": "0x1000"}                          | permissions
            POST  | /v1/machines/m1/ioasids/3/mappings                  | {"mappings": null}                            | mappings
            POST  | /v1/machines/m1/ioasids/3/mappings                  | {"mappings": [{"length": "0x1000"}]}          | mappings[0].permissions
            POST  | /v1/machines/m1/processes                           | {}                                            | format
            POST  | /v1/machines/m1/processes/1/mappings                | {"length": "0x1000"}                          | permissions
            POST  | /v1/machines/m1/processes/1/mappings                | {"permissions": "rw"}                         | length
            POST  | /v1/machines/m1/ioasids                             | {"type": "sva"}                               | process
            POST  | /v1/machines/m1/translations                        | {}                                            | requests
            POST  | /v1/machines/m1/translations                        | {"requests": [{"rid": "3b:00.0", "iova": 0}]} | requests[0].access
            POST  | /v1/machines/m1/translations/explain                | {"rid": "3b:00.0", "access": "read"}          | iova
            """)
    void whatIsMissingIsNamed(String method, String path, String body, String property) {
        var before = everything();
        var response = send(HttpMethod.valueOf(method), path, body);
        response.expectStatus().isBadRequest();
        assertThat(json(response).get("property").asString()).isEqualTo(property);
        assertThat(everything()).isEqualTo(before);
    }

    @Test
    void whatWouldBeAcceptedIsSaid() {
        refused(post("/v1/machines", """
                {"name": "m2", "memory": 4096, "preset": "foo"}"""), 400, "EINVAL", """
                {"detail": "preset is 'foo', expected one of empty, vtd, siov, smmuv3"}""");
        refused(post("/v1/machines", """
                {"name": "m2", "memory": 4096, "presets": "vtd"}"""), 400, "EINVAL", """
                {"detail": "presets is not a known property; known are name, memory, preset, holes"}""");
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', textBlock = """
            GET    | /                                                    | 404 | ENOENT
            GET    | /v1                                                  | 404 | ENOENT
            GET    | /v1/nothing                                          | 404 | ENOENT
            GET    | /v1/machines/                                        | 404 | ENOENT
            GET    | /v1/machines/m1/nothing                              | 404 | ENOENT
            PUT    | /v1/machines                                         | 405 | EINVAL
            PATCH  | /v1/machines/m1                                      | 405 | EINVAL
            POST   | /v1/machines/m1/topology                             | 405 | EINVAL
            DELETE | /v1/machines/m1/memory/0x0                           | 405 | EINVAL
            GET    | /v1/machines?limit=0                                 | 400 | EINVAL
            GET    | /v1/machines?limit=10001                             | 400 | EINVAL
            GET    | /v1/machines?limit=-1                                | 400 | EINVAL
            GET    | /v1/machines?limit=x                                 | 400 | EINVAL
            GET    | /v1/machines?limit=1&limit=2                         | 400 | EINVAL
            GET    | /v1/machines?nothing=1                               | 400 | EINVAL
            GET    | /v1/machines/m1/ioasids?after=x                      | 400 | EINVAL
            GET    | /v1/machines/m1/devices?after=x                      | 400 | EINVAL
            GET    | /v1/machines/m1/ioasids/3/mappings?after=x           | 400 | EINVAL
            GET    | /v1/machines/m1/ioasids/x                            | 400 | EINVAL
            GET    | /v1/machines/m1/ioasids/99999999999                  | 400 | EINVAL
            GET    | /v1/machines/m1/ioasids/5                            | 404 | ENOENT
            DELETE | /v1/machines/m1/ioasids/5                            | 404 | ENOENT
            GET    | /v1/machines/m1/ioasids/5/mappings                   | 404 | ENOENT
            GET    | /v1/machines/m1/ioasids/5/iova-ranges                | 404 | ENOENT
            DELETE | /v1/machines/m1/ioasids/5/mappings                   | 404 | ENOENT
            DELETE | /v1/machines/m1/ioasids/3/mappings?iova=x&length=1   | 400 | EINVAL
            DELETE | /v1/machines/m1/ioasids/3/mappings?iova=2&length=0xffffffffffffffff | 400 | EINVAL
            DELETE | /v1/machines/m1/ioasids/3/mappings?iova=0x9000&length=0x1000 | 404 | ENOENT
            GET    | /v1/machines/m1/processes/2                          | 404 | ENOENT
            GET    | /v1/machines/m1/processes/x                          | 400 | EINVAL
            DELETE | /v1/machines/m1/processes/2                          | 404 | ENOENT
            GET    | /v1/machines/m1/processes/2/mappings                 | 404 | ENOENT
            GET    | /v1/machines/m1/processes/1/mappings?after=x         | 400 | EINVAL
            GET    | /v1/machines/m1/processes/1/mappings/0x100000        | 404 | ENOENT
            DELETE | /v1/machines/m1/processes/1/mappings                 | 400 | EINVAL
            DELETE | /v1/machines/m1/processes/1/mappings?address=0x1000  | 400 | EINVAL
            DELETE | /v1/machines/m1/processes/1/mappings?address=0x1000&length=1 | 400 | EINVAL
            GET    | /v1/machines/m1/processes/1/memory/0x100000          | 404 | ENOENT
            GET    | /v1/machines/m1/processes/1/memory/0x100000?length=0 | 400 | EINVAL
            GET    | /v1/machines/m1/processes/1/memory/0x100000?length=0x1000001 | 413 | E2BIG
            GET    | /v1/machines/m1/processes/2/memory/0x100000          | 404 | ENOENT
            GET    | /v1/machines/m1/devices/nonsense                     | 400 | EINVAL
            GET    | /v1/machines/m1/devices/3c:20.0                      | 400 | EINVAL
            GET    | /v1/machines/m1/devices/3c:00.8                      | 400 | EINVAL
            GET    | /v1/machines/m1/devices/3c:00.0                      | 404 | ENODEV
            DELETE | /v1/machines/m1/devices/3c:00.0                      | 404 | ENODEV
            GET    | /v1/machines/m1/devices/3c:00.0/capabilities         | 404 | ENODEV
            GET    | /v1/machines/m1/devices/3a:00.0/capabilities?type=x  | 400 | EINVAL
            GET    | /v1/machines/m1/devices/3a:00.0/pasids/x             | 400 | EINVAL
            GET    | /v1/machines/m1/devices/3a:00.0/pasids/9             | 404 | ENOENT
            DELETE | /v1/machines/m1/devices/3a:00.0/pasids/1             | 409 | EBUSY
            DELETE | /v1/machines/m1/devices/3a:00.0/pasids/-1/attachment | 400 | EINVAL
            DELETE | /v1/machines/m1/devices/3a:00.0                      | 409 | EBUSY
            DELETE | /v1/machines/m1/iommus/iommu0                        | 409 | EBUSY
            GET    | /v1/machines/m1/iommus/nothing                       | 404 | ENOENT
            GET    | /v1/machines/m1/iommus/nothing/registers             | 404 | ENOENT
            GET    | /v1/machines/m1/iommus/nothing/faults                | 404 | ENOENT
            DELETE | /v1/machines/m1/iommus/nothing/faults                | 404 | ENOENT
            GET    | /v1/machines/m1/iommus/nothing/capabilities          | 404 | ENOENT
            GET    | /v1/machines/m1/memory/x                             | 400 | EINVAL
            GET    | /v1/machines/m1/memory/-1                            | 400 | EINVAL
            GET    | /v1/machines/m1/memory/0x0?length=x                  | 400 | EINVAL
            GET    | /v1/machines/m1/memory/18446744073709551616          | 400 | EINVAL
            GET    | /v1/machines?limit=                                  | 400 | EINVAL
            GET    | /v1/machines?limit                                   | 400 | EINVAL
            GET    | /v1/machines?after=                                  | 400 | EINVAL
            GET    | /v1/machines/m1/memory/0?length=                     | 400 | EINVAL
            GET    | /v1/machines/m1/topology?format=                     | 400 | EINVAL
            GET    | /v1/machines/m1/ioasids?after=0x1                    | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?after=0x1              | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?after=                 | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?after=99999999999999999999 | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?state=                 | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?state=PENDING          | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?state=pending,answered | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?wait=                  | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?wait=1                 | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?wait=2h                | 400 | EINVAL
            GET    | /v1/machines/m1/page-requests?wait=3601s             | 400 | EINVAL
            GET    | /v1/machines/m1/events?follow=no                     | 400 | EINVAL
            GET    | /v1/machines/m1/events?follow=0                      | 400 | EINVAL
            GET    | /v1/machines/m1/events?follow=FALSE                  | 400 | EINVAL
            GET    | /v1/machines/m1/events?follow=                       | 400 | EINVAL
            GET    | /v1/machines/m1/events?follow=false&after=           | 400 | EINVAL
            GET    | /v1/machines/m1/events?follow=false&type=            | 400 | EINVAL
            GET    | /v1/machines/m1/events?follow=false&ioasid=0x1       | 400 | EINVAL
            GET    | /v1/machines/none/topology                           | 404 | ENOENT
            GET    | /v1/machines/none/memory/0                           | 404 | ENOENT
            GET    | /v1/machines/none/devices                            | 404 | ENOENT
            """)
    void aPathOrQueryThatIsNone(String method, String path, int status, String errno) {
        var before = everything();
        expectRefused(client.method(HttpMethod.valueOf(method)).uri(path).exchange(), status, errno);
        assertThat(everything()).isEqualTo(before);
    }

    /** What is refused says what to do instead. */
    @ParameterizedTest(name = "{0} {1} {2}")
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            GET   | events?follow=no           |    | follow: 'no' is not true or false
            POST  | devices/import?iommu=iommu0&dryRun=no | | dryRun: 'no' is not true or false
            GET   | page-requests?state=Any    |    | state: 'Any' is not one of pending, answered, expired
            GET   | page-requests?wait=        |    | query parameter 'wait' is empty: give it a value, or leave it out
            GET   | page-requests?after=0x1    |    | after: '0x1' is not an integer of 64 bits
            PUT   | dma                        | {} | PUT is nothing that can be done here, only POST
            PATCH | devices/3a:00.0            | {} | nothing is to be changed: it takes invalidationAnswers, pageRequestTimeout, pageRequestsPerGroup
            PATCH | devices/3a:00.0            | {"invalidationAnswers": null} | nothing is to be changed: it takes invalidationAnswers, pageRequestTimeout, pageRequestsPerGroup
            PATCH | iommus/free/registers      | {} | no register is to be written
            POST  | dma                        | {"rid": "3a:00.0", "iova": 0, "operation": "write", "data": [1, 2]} | data: expected a string of base64: A to Z, a to z, 0 to 9, + and /, and = at the end so that there are groups of four
            POST  | dma                        | {"rid": "3a:00.0", "iova": 0, "operation": "write", "data": "AQ"}   | data: expected a string of base64: A to Z, a to z, 0 to 9, + and /, and = at the end so that there are groups of four
            POST  | dma                        | {"rid": "3a:00.0", "iova": 0, "operation": "write", "data": "A-_="} | data: expected a string of base64: A to Z, a to z, 0 to 9, + and /, and = at the end so that there are groups of four
            POST  | injections                 | {"type": "silent-device", "rid": "3a:00.0", "kind": "pasid"} | silent-device has no kind; it has rid
            POST  | injections                 | {"type": "full-queue", "queue": "faults"} | iommu is missing, which full-queue needs
            POST  | injections                 | {"type": "malformed-request", "rid": "3a:00.0", "kind": "pasid", "pages": 1} | malformed-request of kind pasid has no pages; it has rid, kind, pasid
            POST  | injections                 | {"type": "malformed-request", "rid": "3a:00.0", "kind": "page-hint"} | a unit of type vtd records nothing of that sort, only one of type smmuv3 does
            POST  | injections                 | {"type": "malformed-request", "rid": "40:00.0", "kind": "page-hint", "pages": 256} | a hint is of 1 to 255 pages, and for something: not of 256 for 'r'
            """)
    void whatToDoInstead(String method, String path, @Nullable String body, String detail) {
        var before = everything();
        var to = client.method(HttpMethod.valueOf(method)).uri(M1 + "/" + path);
        var type = path.contains("import") ? MediaType.TEXT_PLAIN : MediaType.APPLICATION_JSON;
        var response = (method.equals("GET") ? to : to.contentType(type).body(body == null ? "0000:00:02.0 x" : body))
                .exchange();
        assertThat(json(response).get("detail").asString()).isEqualTo(detail);
        assertThat(everything()).isEqualTo(before);
    }

    @Test
    void aTypeThatCannotBeReadIsShownAsItIs() throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/v1/faults/decode"))
                .header("Content-Type", "text/plain; charset=bogus")
                .POST(HttpRequest.BodyPublishers.ofString("x"))
                .build();
        try (var http = HttpClient.newHttpClient()) {
            assertThat(http.send(request, HttpResponse.BodyHandlers.ofString()).body())
                    .contains("Content-Type is 'text/plain; charset=bogus', expected text/plain");
        }
    }

    /** What a body may say as well is one hour. */
    @Test
    void anHour() {
        patch(M1 + "/devices/3a:00.0", "{\"pageRequestTimeout\": \"1h\"}")
                .expectStatus()
                .isOk()
                .expectBody()
                .json("{\"pageRequestTimeout\": \"3600s\"}");
    }

    @ParameterizedTest(name = "{0} {1} as {2}")
    @CsvSource(delimiter = '|', textBlock = """
            POST  | /v1/machines                               | text/plain                        | 415
            POST  | /v1/machines                               | application/x-www-form-urlencoded | 415
            POST  | /v1/machines                               | application/xml                   | 415
            POST  | /v1/machines/m1/devices/import             | application/octet-stream          | 415
            PUT   | /v1/machines/m1/memory/0                   | application/json                  | 415
            PATCH | /v1/machines/m1/iommus/free/registers      | application/merge-patch+json      | 415
            POST  | /v1/machines/m1/translations               | text/plain                        | 415
            """)
    void aTypeThatIsNotTaken(String method, String path, String type, int status) {
        var before = everything();
        expectRefused(
                client.method(HttpMethod.valueOf(method))
                        .uri(path)
                        .contentType(MediaType.valueOf(type))
                        .body("{\"name\": \"m2\", \"memory\": 4096}".getBytes(java.nio.charset.StandardCharsets.UTF_8))
                        .exchange(),
                status,
                "EINVAL");
        assertThat(everything()).isEqualTo(before);
    }

    @ParameterizedTest(name = "{0} {1} in {3}")
    @CsvSource(delimiter = '|', textBlock = """
            POST   | /v1/machines                           | {"name": "m2", "memory": 4096}                                              | text/html
            POST   | /v1/machines/m1/ioasids                | {"type": "paging"}                                                          | text/plain
            POST   | /v1/machines/m1/ioasids/3/mappings     | {"length": "0x1000", "permissions": "r"}                                    | image/png
            POST   | /v1/machines/m1/translations           | {"requests": [{"rid": "3b:00.0", "iova": 0, "access": "read"}]}             | application/octet-stream
            PUT    | /v1/machines/m1/devices/3b:00.0/attachment | {"ioasid": 1}                                                           | text/plain
            PATCH  | /v1/machines/m1/iommus/free/registers  | {"RTADDR": "0x1000"}                                                        | text/plain
            DELETE | /v1/machines/m1/ioasids/3/mappings     | {}                                                                          | text/plain
            """)
    void anAcceptThatCannotBeServedIsRefusedBeforeAnythingIsDone(
            String method, String path, String body, String accept) {
        var before = everything();
        expectRefused(
                client.method(HttpMethod.valueOf(method))
                        .uri(path)
                        .header("Accept", accept)
                        .contentType(MediaType.APPLICATION_JSON)
                        .body(body)
                        .exchange(),
                406,
                "EINVAL");
        assertThat(everything()).isEqualTo(before);
    }

    @Test
    void aBodyOverItsLimitIsTooLarge() {
        var before = everything();
        var spaces = " ".repeat(8 << 20);
        refused(post("/v1/machines", spaces + "{\"name\": \"m2\", \"memory\": 4096}"), 413, "E2BIG", """
                {"limit": {"name": "body", "value": "0x800000"}}""");
        refused(
                client.post()
                        .uri(M1 + "/devices/import")
                        .contentType(MediaType.TEXT_PLAIN)
                        .body(spaces + "0")
                        .exchange(),
                413,
                "E2BIG",
                "{}");
        refused(send(HttpMethod.PUT, M1 + "/memory/0", new byte[(64 << 20) + 1]), 413, "E2BIG", """
                {"limit": {"name": "body", "value": "0x4000000"}}""");
        assertThat(everything()).isEqualTo(before);
    }
}
