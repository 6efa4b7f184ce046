package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.service.EventStreams;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.media.ArraySchema;
import io.swagger.v3.oas.annotations.media.Content;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/**
 * What happens in a machine, as it happens.
 *
 * <p>Each stream has a thread of its own, a virtual one, that waits for events and for its client. A client that does not read blocks that thread
 * alone, until the server gives it up ({@code server.tomcat.connection-timeout}); the journal does not wait for it.
 */
@RestController
@RequestMapping("/v1/machines/{machine}/events")
@Tag(name = "events", description = "What happens in a machine, as it happens.")
class EventController {
    static final String LAST_EVENT_ID = "Last-Event-ID";

    private final EventStreams streams;
    private final RenderedEvents rendered;
    private final Duration heartbeat;

    EventController(
            EventStreams streams, RenderedEvents rendered, @Value("${ioasid.events.heartbeat}") Duration heartbeat) {
        this.streams = streams;
        this.rendered = rendered;
        this.heartbeat = heartbeat;
    }

    @Operation(operationId = "getEvents", summary = "Follow what happens, as server-sent events")
    @ApiResponse(
            responseCode = "200",
            description = "Events as they happen; `data` of each is one of these, `event` says which",
            content =
                    @Content(
                            mediaType = Web.EVENTS,
                            schema =
                                    @Schema(
                                            oneOf = {
                                                EventBodies.MissedBody.class,
                                                EventBodies.MachineDeletedBody.class,
                                                IommuController.IommuBody.class,
                                                EventBodies.IommuDeletedBody.class,
                                                DeviceController.DeviceBody.class,
                                                EventBodies.DeviceRemovedBody.class,
                                                EventBodies.PasidEventBody.class,
                                                ContextController.ContextBody.class,
                                                EventBodies.ContextClosedBody.class,
                                                IoasidController.IoasidBody.class,
                                                EventBodies.IoasidDeletedBody.class,
                                                EventBodies.RouteEventBody.class,
                                                BindController.BindBody.class,
                                                EventBodies.MapEventBody.class,
                                                EventBodies.UnmapEventBody.class,
                                                EventBodies.InvalidateEventBody.class,
                                                EventBodies.CommandsEventBody.class,
                                                EventBodies.FaultEventBody.class,
                                                EventBodies.FaultsOmittedBody.class,
                                                EventBodies.PageRequestEventBody.class,
                                                EventBodies.PageResponseEventBody.class,
                                                EventBodies.DmaEventBody.class
                                            })))
    @Refuses(Errno.ENOSPC)
    @GetMapping(produces = Web.EVENTS)
    void events(
            @PathVariable String machine,
            @RequestHeader(name = LAST_EVENT_ID, required = false) @Nullable String lastEventId,
            @Parameter(
                            description =
                                    "the event to begin after; 0 is the oldest that is kept. Left out, the stream begins with"
                                            + " what is new, and without `follow` with the oldest")
                    @RequestParam(required = false)
                    @Nullable
                    Long after,
            @Parameter(
                            description = "only events of these types, with commas between or given again and again",
                            array = @ArraySchema(schema = @Schema(implementation = EventType.class)))
                    @RequestParam(required = false)
                    @Nullable
                    List<String> type,
            @Parameter(description = "only events about this device") @RequestParam(required = false) @Nullable Rid rid,
            @Parameter(description = "only events about this IOASID") @RequestParam(required = false) @Nullable
                    Integer ioasid,
            @Parameter(description = "end after so many events") @RequestParam(required = false) @Nullable Limit limit,
            @RequestParam(defaultValue = "true") boolean follow,
            HttpServletRequest request,
            HttpServletResponse response) {
        var filter = EventFilter.of(type, rid, ioasid);
        try (var events = streams.open(machine, start(lastEventId, after, follow))) {
            var writer = EventWriter.start(response, rendered, events.position());
            if (!request.getMethod().equals("HEAD")) {
                new EventFeed(events, filter, writer, request, heartbeat)
                        .run(limit == null ? Long.MAX_VALUE : limit.value(), follow);
            }
        } catch (IOException clientIsGone) {
            // nobody is left to be told
        } catch (InterruptedException ending) {
            Thread.currentThread().interrupt();
        }
    }

    /** After which event it begins. A client that connects again does so by the header, with the query that it began with. */
    private static @Nullable Long start(@Nullable String lastEventId, @Nullable Long after, boolean follow) {
        if (lastEventId != null) {
            try {
                return Long.valueOf(lastEventId);
            } catch (NumberFormatException noNumber) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "%s: '%s' is not the id of an event".formatted(LAST_EVENT_ID, lastEventId),
                        Map.of("header", LAST_EVENT_ID));
            }
        }
        return after != null || follow ? after : Long.valueOf(0);
    }
}
