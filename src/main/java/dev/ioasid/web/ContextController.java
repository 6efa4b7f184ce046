package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.ContextLimit;
import dev.ioasid.machine.ContextSummary;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.media.Schema;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
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

/** The contexts of a machine. */
@RestController
@RequestMapping("/v1/machines/{machine}/contexts")
@Tag(
        name = "contexts",
        description = "Who owns IOASIDs, as an open /dev/ioasid does: closing one tears down all that it owns.")
class ContextController {
    /** A year. */
    private static final int LONGEST_LEASE = 365 * 24 * 60 * 60;

    /** Unlimited in what is left out. */
    record LimitsBody(
            @Nullable Hex pinnedBytes,

            @Schema(description = "how many IOASIDs") @Nullable
            Integer ioasids,

            @Schema(description = "how many mappings of its IOASIDs") @Nullable
            Integer mappings,

            @Schema(description = "how many routes with PASID that lead to its IOASIDs") @Nullable
            Integer pasids) {
        static final LimitsBody NONE = new LimitsBody(null, null, null, null);

        Map<ContextLimit, Long> limits() {
            var limits = new EnumMap<ContextLimit, Long>(ContextLimit.class);
            put(limits, ContextLimit.IOASIDS, "ioasids", ioasids);
            put(limits, ContextLimit.MAPPINGS, "mappings", mappings);
            put(limits, ContextLimit.PASIDS, "pasids", pasids);
            if (pinnedBytes != null) {
                limits.put(ContextLimit.PINNED_BYTES, pinnedBytes.value());
            }
            return limits;
        }

        private static void put(
                Map<ContextLimit, Long> limits, ContextLimit limit, String property, @Nullable Integer most) {
            if (most == null) {
                return;
            }
            if (most < 0) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "limits.%s is %d, expected 0 or more".formatted(property, most),
                        Map.of("property", "limits." + property));
            }
            limits.put(limit, most.longValue());
        }

        static LimitsBody of(Map<ContextLimit, Long> limits) {
            var bytes = limits.get(ContextLimit.PINNED_BYTES);
            return new LimitsBody(
                    bytes == null ? null : new Hex(bytes),
                    count(limits, ContextLimit.IOASIDS),
                    count(limits, ContextLimit.MAPPINGS),
                    count(limits, ContextLimit.PASIDS));
        }

        private static @Nullable Integer count(Map<ContextLimit, Long> limits, ContextLimit limit) {
            var most = limits.get(limit);
            return most == null ? null : Math.toIntExact(most);
        }
    }

    /** With {@code leaseSeconds} it is closed unless it is renewed within that time, 1 second to a year. */
    record NewContext(
            String name,
            @Nullable LimitsBody limits,
            @Nullable Integer leaseSeconds) {
        Command<ContextSummary> command() {
            if (leaseSeconds != null && (leaseSeconds < 1 || leaseSeconds > LONGEST_LEASE)) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "leaseSeconds is %d, expected 1 to %d".formatted(leaseSeconds, LONGEST_LEASE),
                        Map.of("property", "leaseSeconds"));
            }
            return new Command.CreateContext(
                    name,
                    (limits == null ? LimitsBody.NONE : limits).limits(),
                    leaseSeconds == null ? null : Duration.ofSeconds(leaseSeconds),
                    Instant.now());
        }
    }

    /** What its IOASIDs take, of everything that can be limited. */
    record UsedBody(
            Hex pinnedBytes,
            @Schema(description = "how many IOASIDs") long ioasids,

            @Schema(description = "how many mappings of its IOASIDs")
            long mappings,

            @Schema(description = "how many routes with PASID that lead to its IOASIDs")
            long pasids) {
        static UsedBody of(Map<ContextLimit, Long> used) {
            return new UsedBody(
                    new Hex(used(used, ContextLimit.PINNED_BYTES)),
                    used(used, ContextLimit.IOASIDS),
                    used(used, ContextLimit.MAPPINGS),
                    used(used, ContextLimit.PASIDS));
        }

        private static long used(Map<ContextLimit, Long> used, ContextLimit limit) {
            return Objects.requireNonNull(used.get(limit));
        }
    }

    record ContextBody(
            @Schema(description = "the context's number") int id,
            String name,
            LimitsBody limits,
            UsedBody used,
            @Nullable Integer leaseSeconds,
            @Nullable Instant expiresAt) {
        static ContextBody of(ContextSummary context) {
            var lease = context.lease();
            return new ContextBody(
                    context.id(),
                    context.name(),
                    LimitsBody.of(context.limits()),
                    UsedBody.of(context.used()),
                    lease == null ? null : Math.toIntExact(lease.toSeconds()),
                    time(context.expires()));
        }

        private static @Nullable Instant time(@Nullable Instant exact) {
            return exact == null ? null : exact.truncatedTo(ChronoUnit.MILLIS);
        }
    }

    record RenewalBody(Instant expiresAt) {}

    private final Machines machines;

    ContextController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "createContext", summary = "Open a context")
    @Refuses(Errno.ENOSPC)
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<ContextBody> create(@PathVariable String machine, @RequestBody NewContext body) {
        var context = machines.apply(machine, body.command());
        return Created.at("/v1/machines/{machine}/contexts/{context}", ContextBody.of(context), machine, context.id());
    }

    @Operation(operationId = "listContexts", summary = "List the contexts")
    @GetMapping(produces = Web.JSON)
    Page<ContextBody> list(
            @PathVariable String machine,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Integer after) {
        var contexts = machines.read(machine, view -> view.contexts()).stream()
                .filter(context -> after == null || context.id() > after)
                .toList();
        return Page.of(contexts, limit, ContextBody::of, ContextSummary::id);
    }

    @Operation(operationId = "getContext", summary = "Show a context, its limits and what it uses")
    @GetMapping(path = "/{context}", produces = Web.JSON)
    ContextBody get(@PathVariable String machine, @PathVariable int context) {
        return ContextBody.of(machines.read(machine, view -> view.context(context)));
    }

    @Operation(operationId = "closeContext", summary = "Close a context, and tear down all that it owns")
    @DeleteMapping("/{context}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void close(@PathVariable String machine, @PathVariable int context) {
        machines.apply(machine, new Command.CloseContext(context));
    }

    @Operation(operationId = "renewContext", summary = "Renew a context's lease")
    @PostMapping(path = "/{context}/renewals", produces = Web.JSON)
    RenewalBody renew(@PathVariable String machine, @PathVariable int context) {
        var renewed = ContextBody.of(machines.apply(machine, new Command.RenewContext(context, Instant.now())));
        return new RenewalBody(Objects.requireNonNull(renewed.expiresAt()));
    }
}
