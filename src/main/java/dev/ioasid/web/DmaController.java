package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.DmaSummary;
import dev.ioasid.service.Machines;
import dev.ioasid.service.WaitingRoom;
import dev.ioasid.web.DmaBodies.Direction;
import dev.ioasid.web.DmaBodies.DmaBody;
import dev.ioasid.web.DmaBodies.DmaRequestBody;
import dev.ioasid.web.DmaBodies.NewDma;
import dev.ioasid.web.DmaBodies.NewDmaBatch;
import dev.ioasid.web.DmaBodies.Status;
import dev.ioasid.web.DmaBodies.TargetBody;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.media.Content;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import jakarta.servlet.http.HttpServletRequest;
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
    private static final String PATH = "/v1/machines/{machine}/dma/{id}";

    private static final String STATUS = "Dma-Status";
    private static final String TRANSFERRED = "Dma-Transferred";
    private static final String FAULT = "Dma-Fault";

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
