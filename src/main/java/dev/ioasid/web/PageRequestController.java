package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.MachineView;
import dev.ioasid.machine.PageRequestSummary;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.Machines;
import dev.ioasid.service.WaitingRoom;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import jakarta.servlet.http.HttpServletRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** What devices wait for. */
@RestController
@RequestMapping("/v1/machines/{machine}/page-requests")
@Tag(
        name = "page-requests",
        description = "What devices wait for: pages that they have asked for, and stalled transactions.")
class PageRequestController {
    enum State {
        PENDING,
        ANSWERED,
        EXPIRED;

        static State of(PageRequestSummary.State state) {
            return switch (state) {
                case PENDING -> PENDING;
                case ANSWERED -> ANSWERED;
                case EXPIRED -> EXPIRED;
            };
        }
    }

    enum Kind {
        PAGE_REQUEST,
        STALL
    }

    /** {@code success}, {@code invalid} and {@code failure} for a page request; {@code retry}, {@code abort} and {@code terminate} for a stall. */
    enum Code {
        SUCCESS,
        INVALID,
        FAILURE,
        RETRY,
        ABORT,
        TERMINATE;

        PageRequestSummary.Answer answer() {
            return switch (this) {
                case SUCCESS -> PageRequestSummary.Answer.SUCCESS;
                case INVALID -> PageRequestSummary.Answer.INVALID;
                case FAILURE -> PageRequestSummary.Answer.FAILURE;
                case RETRY -> PageRequestSummary.Answer.RETRY;
                case ABORT -> PageRequestSummary.Answer.ABORT;
                case TERMINATE -> PageRequestSummary.Answer.TERMINATE;
            };
        }
    }

    /** {@code group} of a page request, {@code stag} of a stalled transaction; {@code dma} that waits for it. */
    record PageRequestBody(
            long id,
            Kind kind,
            Rid rid,
            @Nullable Pasid pasid,
            Hex address,
            Permissions permissions,
            @Nullable Integer group,
            @Nullable Integer stag,
            boolean last,
            @Nullable Long dma,
            State state) {
        static PageRequestBody of(PageRequestSummary request) {
            return new PageRequestBody(
                    request.id(),
                    request.stalled() ? Kind.STALL : Kind.PAGE_REQUEST,
                    request.rid(),
                    Pasid.of(request.pasid()),
                    new Hex(request.address()),
                    request.permissions(),
                    request.group(),
                    request.stag(),
                    request.last(),
                    request.dma(),
                    State.of(request.state()));
        }
    }

    record ResponseBody(Code code) {}

    private final Machines machines;
    private final WaitingRoom room;

    PageRequestController(Machines machines, WaitingRoom room) {
        this.machines = machines;
        this.room = room;
    }

    @Operation(operationId = "listPageRequests", summary = "List what devices wait for, or wait until one does")
    @GetMapping(produces = Web.JSON)
    Page<PageRequestBody> list(
            @PathVariable String machine,
            @RequestParam(required = false) @Nullable State state,
            @RequestParam(defaultValue = WaitTime.NONE) WaitTime wait,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Long after,
            HttpServletRequest request) {
        var found = room.ask(
                machine,
                view -> select(view, state, after),
                list -> !list.isEmpty(),
                wait.value(),
                () -> ClientConnections.isGone(request));
        return Page.of(found, limit, PageRequestBody::of, PageRequestSummary::id);
    }

    private static List<PageRequestSummary> select(MachineView view, @Nullable State state, @Nullable Long after) {
        return view.pageRequests().stream()
                .filter(request -> state == null || State.of(request.state()) == state)
                .filter(request -> after == null || request.id() > after)
                .toList();
    }

    @Operation(operationId = "getPageRequest", summary = "Show what a device waits for, or has waited for")
    @GetMapping(path = "/{id}", produces = Web.JSON)
    PageRequestBody get(@PathVariable String machine, @PathVariable long id) {
        return PageRequestBody.of(machines.read(machine, view -> view.pageRequest(id)));
    }

    @Operation(
            operationId = "respond",
            summary = "Answer a page request, and with it its group, or a stalled transaction")
    @Refuses({Errno.EBUSY})
    @PostMapping(path = "/{id}/response", consumes = Web.JSON, produces = Web.JSON)
    PageRequestBody respond(@PathVariable String machine, @PathVariable long id, @RequestBody ResponseBody body) {
        var command = new Command.AnswerPageRequest(id, body.code().answer());
        return PageRequestBody.of(machines.apply(machine, command));
    }
}
