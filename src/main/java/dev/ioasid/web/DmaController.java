package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.DmaOrder;
import dev.ioasid.machine.DmaResult;
import dev.ioasid.machine.DmaSummary;
import dev.ioasid.service.Machines;
import dev.ioasid.service.WaitingRoom;
import dev.ioasid.web.TranslationController.FaultBody;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.media.Content;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import jakarta.servlet.http.HttpServletRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** DMA that moves bytes. */
@RestController
@RequestMapping("/v1/machines/{machine}/dma")
@Tag(name = "dma", description = "DMA that moves bytes between a device and memory.")
class DmaController {
    static final int LARGEST_BATCH = 10_000;

    private static final String PATH = "/v1/machines/{machine}/dma/{id}";

    private static final String STATUS = "Dma-Status";
    private static final String TRANSFERRED = "Dma-Transferred";
    private static final String FAULT = "Dma-Fault";

    /** As the device sees it: {@code read} brings bytes to it. */
    enum Direction {
        READ,
        WRITE
    }

    enum Status {
        COMPLETED,
        FAULTED,
        PENDING;

        static Status of(DmaResult.Status status) {
            return switch (status) {
                case COMPLETED -> COMPLETED;
                case FAULTED -> FAULTED;
                case PENDING -> PENDING;
            };
        }
    }

    /** A place in a region of another device, which stands for its bus address; the first region unless it says otherwise. */
    record TargetBody(Rid rid, @Nullable Integer region, Hex offset) {
        /** As a query says it; null: it says none. */
        static @Nullable TargetBody of(@Nullable Rid target, @Nullable Integer region, @Nullable Hex offset) {
            if (target != null && offset != null) {
                return new TargetBody(target, region, offset);
            }
            if (target != null || region != null || offset != null) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "a target has an offset, and a region or an offset is that of a target",
                        Map.of("parameter", target == null ? "target" : "offset"));
            }
            return null;
        }

        DmaOrder.Target target() {
            return new DmaOrder.Target(rid, region == null ? 0 : region, offset.value());
        }
    }

    /** To an {@code iova} or a {@code target}. A read has a {@code length}, a write has {@code data}, in base64. */
    record DmaRequestBody(
            @Nullable Pasid pasid,
            @Nullable Hex iova,
            @Nullable TargetBody target,
            Direction operation,
            @Nullable Hex length,
            byte @Nullable [] data,
            @Nullable Boolean privileged) {
        DmaOrder order() {
            checkEnd(iova, target);
            boolean write = operation == Direction.WRITE;
            if (write ? data == null : data != null) {
                throw new RefusedException(
                        Errno.EINVAL, write ? "a write has data" : "a read has no data", Map.of("property", "data"));
            }
            if (!write && length == null) {
                throw new RefusedException(Errno.EINVAL, "a read has a length", Map.of("property", "length"));
            }
            if (data != null && length != null && length.value() != data.length) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "length is %s, and data has 0x%x bytes".formatted(length, data.length),
                        Map.of("property", "length"));
            }
            return new DmaOrder(
                    Pasid.orNone(pasid),
                    iova == null ? 0 : iova.value(),
                    target == null ? null : target.target(),
                    write ? Access.WRITE : Access.READ,
                    Boolean.TRUE.equals(privileged),
                    data == null ? bytes(length) : data.length,
                    data);
        }

        private static void checkEnd(@Nullable Hex iova, @Nullable TargetBody target) {
            if ((iova == null) == (target == null)) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "DMA goes to an iova or to a target, to one of the two",
                        Map.of("property", "iova"));
            }
        }

        private static int bytes(@Nullable Hex length) {
            long value = length == null ? 0 : length.value();
            if (Long.compareUnsigned(value, DmaOrder.LARGEST) > 0) {
                throw new RefusedException(
                        Errno.E2BIG,
                        "length is %s, expected 0x1 to 0x%x".formatted(length, DmaOrder.LARGEST),
                        Map.of("property", "length"));
            }
            return (int) value;
        }
    }

    /** One DMA of the device. */
    record NewDma(
            Rid rid,
            @Nullable Pasid pasid,
            @Nullable Hex iova,
            @Nullable TargetBody target,
            Direction operation,
            @Nullable Hex length,
            byte @Nullable [] data,
            @Nullable Boolean privileged) {
        Command.StartDma command() {
            var order = new DmaRequestBody(pasid, iova, target, operation, length, data, privileged).order();
            return new Command.StartDma(rid, order);
        }
    }

    /** Several of one device, which does one after the other. */
    record NewDmaBatch(Rid rid, List<DmaRequestBody> requests) {
        NewDmaBatch {
            if (requests.isEmpty() || requests.size() > LARGEST_BATCH) {
                throw new RefusedException(
                        requests.isEmpty() ? Errno.EINVAL : Errno.E2BIG,
                        "%d requests, expected 1 to %d".formatted(requests.size(), LARGEST_BATCH),
                        Map.of("limit", Map.of("name", "requests", "value", LARGEST_BATCH)));
            }
        }

        Command.StartDma command() {
            var orders = new ArrayList<DmaOrder>(requests.size());
            for (int index = 0; index < requests.size(); index++) {
                try {
                    orders.add(requests.get(index).order());
                } catch (RefusedException refused) {
                    throw refused.with("index", index);
                }
            }
            return new Command.StartDma(rid, orders, true);
        }
    }

    /** {@code data} is what a read has brought, in base64; {@code fault} what has stopped it after {@code transferred} bytes. */
    record DmaResultBody(
            Status status,
            int transferred,
            byte @Nullable [] data,
            @Nullable FaultBody fault) {
        static DmaResultBody of(DmaResult result) {
            return new DmaResultBody(
                    Status.of(result.status()),
                    result.transferred(),
                    result.data(),
                    result.fault() == null ? null : FaultBody.of(result.fault()));
        }
    }

    /**
     * {@code id}, by which to ask for it, if it had to wait. Of a batch there are {@code results}; it is pending as long as one of them is, and faulted
     * if one is, and {@code transferred} is the sum.
     */
    record DmaBody(
            @Nullable Long id,
            Rid rid,
            Status status,
            long transferred,
            byte @Nullable [] data,
            @Nullable FaultBody fault,
            @Nullable List<DmaResultBody> results) {
        static DmaBody of(DmaSummary dma) {
            var results = Lists.map(dma.results(), DmaResultBody::of);
            if (!dma.batch()) {
                var one = results.getFirst();
                return new DmaBody(dma.id(), dma.rid(), one.status, one.transferred, one.data, one.fault, null);
            }
            long transferred =
                    results.stream().mapToLong(DmaResultBody::transferred).sum();
            return new DmaBody(dma.id(), dma.rid(), status(dma, results), transferred, null, null, results);
        }

        private static Status status(DmaSummary dma, List<DmaResultBody> results) {
            if (dma.isPending()) {
                return Status.PENDING;
            }
            return results.stream().anyMatch(result -> result.status == Status.FAULTED)
                    ? Status.FAULTED
                    : Status.COMPLETED;
        }
    }

    private final Machines machines;
    private final WaitingRoom room;

    DmaController(Machines machines, WaitingRoom room) {
        this.machines = machines;
        this.room = room;
    }

    @Operation(
            operationId = "dma",
            summary = "Have a device move bytes",
            description =
                    "A write also takes its bytes as `application/octet-stream`, and all else as query parameters: `rid`, "
                            + "`pasid`, `wait`, and `iova`, or `target`, `region` and `offset`.")
    @Refuses({Errno.ENODEV, Errno.E2BIG, Errno.ENOSPC})
    @ApiResponse(
            responseCode = "200",
            description = "It is over",
            content = {
                @Content(mediaType = Web.JSON, schema = @Schema(implementation = DmaBody.class)),
                @Content(mediaType = Web.BYTES)
            })
    @ApiResponse(
            responseCode = "202",
            description = "It waits; Location says where to ask for it",
            content = {
                @Content(mediaType = Web.JSON, schema = @Schema(implementation = DmaBody.class)),
                @Content(mediaType = Web.BYTES)
            })
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    ResponseEntity<DmaBody> move(
            @PathVariable String machine,
            @RequestParam(defaultValue = WaitTime.NONE) WaitTime wait,
            @RequestBody NewDma body,
            HttpServletRequest request) {
        return answer(machine, done(machine, body.command(), wait, request));
    }

    // hidden: its answer is among those of the one above
    @Operation(operationId = "dma", summary = "Have a device move bytes", hidden = true)
    @Refuses({Errno.ENODEV, Errno.E2BIG, Errno.ENOSPC})
    @PostMapping(consumes = Web.JSON, produces = Web.BYTES)
    ResponseEntity<byte[]> read(
            @PathVariable String machine,
            @RequestParam(defaultValue = WaitTime.NONE) WaitTime wait,
            @RequestBody NewDma body,
            HttpServletRequest request) {
        return bytes(machine, done(machine, body.command(), wait, request));
    }

    // hidden: a document has the parameters of a path for all kinds of bodies, and a JSON body takes none of these
    @Operation(operationId = "dmaBytes", summary = "Have a device write bytes", hidden = true)
    @Refuses({Errno.ENODEV, Errno.E2BIG, Errno.ENOSPC})
    @PostMapping(consumes = Web.BYTES, produces = Web.JSON)
    ResponseEntity<DmaBody> write(
            @PathVariable String machine,
            @RequestParam Rid rid,
            @RequestParam(required = false) @Nullable Pasid pasid,
            @RequestParam(required = false) @Nullable Hex iova,
            @RequestParam(required = false) @Nullable Rid target,
            @RequestParam(required = false) @Nullable Integer region,
            @RequestParam(required = false) @Nullable Hex offset,
            @RequestParam(defaultValue = WaitTime.NONE) WaitTime wait,
            @RequestBody byte[] bytes,
            HttpServletRequest request) {
        var end = TargetBody.of(target, region, offset);
        var order = new DmaRequestBody(pasid, iova, end, Direction.WRITE, null, bytes, null).order();
        return answer(machine, done(machine, new Command.StartDma(rid, order), wait, request));
    }

    @Operation(operationId = "dmaBatch", summary = "Have a device move bytes several times, in order")
    @Refuses({Errno.ENODEV, Errno.E2BIG, Errno.ENOSPC})
    @ApiResponse(responseCode = "200", description = "It is over")
    @ApiResponse(responseCode = "202", description = "It waits; Location says where to ask for it")
    @PostMapping(path = "/batch", consumes = Web.JSON, produces = Web.JSON)
    ResponseEntity<DmaBody> moveAll(
            @PathVariable String machine,
            @RequestParam(defaultValue = WaitTime.NONE) WaitTime wait,
            @RequestBody NewDmaBatch body,
            HttpServletRequest request) {
        return answer(machine, done(machine, body.command(), wait, request));
    }

    @Operation(operationId = "getDma", summary = "Show what has become of DMA that had to wait")
    @GetMapping(path = "/{id}", produces = Web.JSON)
    DmaBody get(
            @PathVariable String machine,
            @PathVariable long id,
            @RequestParam(defaultValue = WaitTime.NONE) WaitTime wait,
            HttpServletRequest request) {
        return DmaBody.of(ask(machine, id, wait, request));
    }

    @Operation(operationId = "getDma", summary = "Show what has become of DMA that had to wait")
    @GetMapping(path = "/{id}", produces = Web.BYTES)
    ResponseEntity<byte[]> bytes(
            @PathVariable String machine,
            @PathVariable long id,
            @RequestParam(defaultValue = WaitTime.NONE) WaitTime wait,
            HttpServletRequest request) {
        return bytes(machine, ask(machine, id, wait, request));
    }

    private DmaSummary ask(String machine, long id, WaitTime wait, HttpServletRequest request) {
        return room.ask(
                machine,
                view -> view.dma(id),
                dma -> !dma.isPending(),
                wait.value(),
                () -> ClientConnections.isGone(request));
    }

    /** Begins DMA, and waits for its end as long as the caller wants to. */
    private DmaSummary done(String machine, Command.StartDma command, WaitTime wait, HttpServletRequest request) {
        var dma = machines.apply(machine, command);
        return dma.id() == null || !dma.isPending() ? dma : ask(machine, dma.id(), wait, request);
    }

    private static ResponseEntity<DmaBody> answer(String machine, DmaSummary dma) {
        return status(machine, dma).body(DmaBody.of(dma));
    }

    /** The bytes that were read, and in headers what else there is to say. */
    private static ResponseEntity<byte[]> bytes(String machine, DmaSummary dma) {
        var result = dma.results().getLast();
        var data = result.data();
        var answer = status(machine, dma)
                .header(STATUS, WireName.of(Status.of(result.status())))
                .header(TRANSFERRED, Integer.toString(result.transferred()));
        if (result.fault() != null) {
            answer = answer.header(
                    FAULT,
                    "0x%x %s".formatted(result.fault().code(), result.fault().name()));
        }
        return answer.body(data == null ? new byte[0] : data);
    }

    private static ResponseEntity.BodyBuilder status(String machine, DmaSummary dma) {
        return dma.isPending()
                ? ResponseEntity.accepted().location(Created.path(PATH, machine, String.valueOf(dma.id())))
                : ResponseEntity.ok();
    }
}
