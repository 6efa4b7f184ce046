package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.MapRequest;
import dev.ioasid.machine.Mapping;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.media.Content;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.annotation.JsonDeserialize;
import tools.jackson.databind.deser.std.StdDeserializer;

/** The mappings of a paging IOASID. */
@RestController
@RequestMapping("/v1/machines/{machine}/ioasids/{ioasid}/mappings")
@Tag(
        name = "mappings",
        description = "The mappings of a paging IOASID. One is visible on every route that leads there.")
class MappingController {
    static final int LARGEST_BATCH = 10_000;

    /** One mapping, or several that are made together or not at all. */
    @JsonDeserialize(using = NewMappingsReader.class)
    @Schema(oneOf = {NewMapping.class, MappingBatch.class})
    sealed interface NewMappings {
        List<NewMapping> all();
    }

    /** Without {@code iova}: the lowest that is free. Without {@code physicalAddress}: memory is allocated. */
    @JsonDeserialize
    record NewMapping(
            @Nullable Hex iova,
            Hex length,
            Permissions permissions,
            @Nullable Hex physicalAddress) implements NewMappings {
        @Override
        public List<NewMapping> all() {
            return List.of(this);
        }

        MapRequest request() {
            return new MapRequest(
                    iova == null ? null : iova.value(),
                    length.value(),
                    permissions,
                    physicalAddress == null ? null : physicalAddress.value());
        }
    }

    @JsonDeserialize
    record MappingBatch(List<NewMapping> mappings) implements NewMappings {
        MappingBatch {
            if (mappings.size() > LARGEST_BATCH) {
                throw new RefusedException(
                        Errno.E2BIG,
                        mappings.size() + " mappings are more than " + LARGEST_BATCH + ", the most of one call",
                        Map.of("limit", Map.of("name", "mappings", "value", LARGEST_BATCH)));
            }
        }

        @Override
        public List<NewMapping> all() {
            return mappings;
        }
    }

    /** Which of the two a body is, the presence of {@code mappings} tells. */
    static final class NewMappingsReader extends StdDeserializer<NewMappings> {
        NewMappingsReader() {
            super(NewMappings.class);
        }

        @Override
        public @Nullable NewMappings deserialize(JsonParser parser, DeserializationContext context) {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                return (NewMappings) context.handleUnexpectedToken(NewMappings.class, parser);
            }
            var body = context.readTree(parser);
            Class<? extends NewMappings> kind = body.has("mappings") ? MappingBatch.class : NewMapping.class;
            return context.readTreeAsValue(body, kind);
        }
    }

    record ExtentBody(Hex physicalAddress, Hex length) {}

    /**
     * {@code pageSizes} counts the table's leaves by their size. {@code extents} is there only if the memory is not in one
     * piece; {@code physicalAddress} is then that of the first.
     */
    record MappingBody(
            Hex iova,
            Hex length,
            Permissions permissions,
            Hex physicalAddress,
            Map<String, Long> pageSizes,
            @Nullable List<ExtentBody> extents) {
        static MappingBody of(Mapping mapping) {
            var pageSizes = new LinkedHashMap<String, Long>();
            mapping.pageSizes().forEach((size, count) -> pageSizes.put(new Hex(size).toString(), count));
            return new MappingBody(
                    new Hex(mapping.iova()),
                    new Hex(mapping.length()),
                    mapping.permissions(),
                    new Hex(mapping.physicalAddress()),
                    pageSizes,
                    mapping.extents().size() == 1 ? null : Lists.map(mapping.extents(), MappingBody::extent));
        }

        private static ExtentBody extent(Mapping.Extent extent) {
            return new ExtentBody(new Hex(extent.physicalAddress()), new Hex(extent.length()));
        }
    }

    record MappingsBody(List<MappingBody> items) {}

    record UnmappedBody(Hex unmapped) {}

    private final Machines machines;

    MappingController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "map", summary = "Map memory, one range or several")
    @Refuses({Errno.EEXIST, Errno.ENOSPC, Errno.ENOMEM})
    @ApiResponse(
            responseCode = "201",
            content = @Content(schema = @Schema(oneOf = {MappingBody.class, MappingsBody.class})))
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<Object> map(@PathVariable String machine, @PathVariable int ioasid, @RequestBody NewMappings body) {
        var requests = Lists.map(body.all(), NewMapping::request);
        var made = Lists.map(machines.apply(machine, new Command.Map(ioasid, requests)), MappingBody::of);
        return switch (body) {
            case NewMapping _ ->
                Created.at(
                        "/v1/machines/{machine}/ioasids/{ioasid}/mappings/{iova}",
                        made.getFirst(),
                        machine,
                        ioasid,
                        made.getFirst().iova());
            case MappingBatch _ ->
                Created.at("/v1/machines/{machine}/ioasids/{ioasid}/mappings", new MappingsBody(made), machine, ioasid);
        };
    }

    @Operation(operationId = "listMappings", summary = "List the mappings")
    @GetMapping(produces = Web.JSON)
    Page<MappingBody> list(
            @PathVariable String machine,
            @PathVariable int ioasid,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Hex after) {
        var mappings = machines.read(
                machine, view -> view.mappings(ioasid, after == null ? null : after.value(), limit.value() + 1));
        return Page.of(mappings, limit, MappingBody::of, mapping -> new Hex(mapping.iova()));
    }

    @Operation(operationId = "getMapping", summary = "Show the mapping that starts at an address")
    @GetMapping(path = "/{iova}", produces = Web.JSON)
    MappingBody get(@PathVariable String machine, @PathVariable int ioasid, @PathVariable Hex iova) {
        return MappingBody.of(machines.read(machine, view -> view.mapping(ioasid, iova.value())));
    }

    @Operation(operationId = "unmap", summary = "Unmap what lies within a range, or, without one, everything")
    @DeleteMapping(produces = Web.JSON)
    UnmappedBody unmap(
            @PathVariable String machine,
            @PathVariable int ioasid,
            @RequestParam(required = false) @Nullable Hex iova,
            @RequestParam(required = false) @Nullable Hex length) {
        return new UnmappedBody(new Hex(machines.apply(machine, unmapping(ioasid, iova, length))));
    }

    private static Command<Long> unmapping(int ioasid, @Nullable Hex iova, @Nullable Hex length) {
        if (iova == null && length == null) {
            return new Command.UnmapAll(ioasid);
        }
        if (iova == null || length == null) {
            var missing = iova == null ? "iova" : "length";
            throw new RefusedException(
                    Errno.EINVAL,
                    "query parameter '" + missing
                            + "' is missing: give iova and length, or neither to unmap everything",
                    Map.of("parameter", missing));
        }
        return new Command.Unmap(ioasid, iova.value(), length.value());
    }
}
