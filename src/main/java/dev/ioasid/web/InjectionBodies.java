package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.Injection;
import dev.ioasid.machine.Injection.Flaw;
import dev.ioasid.machine.InjectionSummary;
import dev.ioasid.pagetable.Permissions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What injections are on the wire: how they are asked for, and what they are. */
final class InjectionBodies {
    /** What goes wrong, with the properties that say where. */
    enum InjectionType {
        POISONED_MEMORY,
        SILENT_DEVICE,
        FULL_QUEUE,
        DELAYED_RESPONSE,
        MALFORMED_REQUEST
    }

    enum QueueName {
        FAULTS,
        PAGE_REQUESTS;

        static QueueName of(Injection.Queue queue) {
            return switch (queue) {
                case FAULTS -> FAULTS;
                case PAGE_REQUESTS -> PAGE_REQUESTS;
            };
        }

        Injection.Queue queue() {
            return switch (this) {
                case FAULTS -> Injection.Queue.FAULTS;
                case PAGE_REQUESTS -> Injection.Queue.PAGE_REQUESTS;
            };
        }
    }

    /** What is wrong with a request; all but {@code pasid} behind an SMMUv3 only. */
    enum FlawKind {
        PASID,
        UNSUPPORTED_TRANSACTION,
        TLB_CONFLICT,
        CONFIGURATION_CONFLICT,
        PAGE_HINT
    }

    /**
     * {@code first} and {@code last} of {@code poisoned-memory}; {@code rid} of {@code silent-device}, {@code delayed-response} and
     * {@code malformed-request}; {@code iommu} and {@code queue} of {@code full-queue}; {@code kind} of {@code malformed-request}, with
     * {@code pasid} of {@code pasid}, and {@code permissions} and {@code pages} of {@code page-hint}. It happens {@code count} times, once
     * unless it says otherwise, or, {@code unlimited}, until it is removed.
     */
    record NewInjection(
            InjectionType type,
            @Nullable Hex first,
            @Nullable Hex last,
            @Nullable Rid rid,
            @Nullable String iommu,
            @Nullable QueueName queue,
            @Nullable FlawKind kind,
            @Nullable Pasid pasid,
            @Nullable Permissions permissions,
            @Nullable Integer pages,
            @Nullable Integer count,
            @Nullable Boolean unlimited) {
        Command.Inject command() {
            boolean forever = Boolean.TRUE.equals(unlimited);
            if (forever && count != null) {
                throw new RefusedException(
                        Errno.EINVAL, "it is unlimited, or has a count, and not both", Map.of("property", "count"));
            }
            return new Command.Inject(injection(), forever ? null : count == null ? Integer.valueOf(1) : count);
        }

        private Injection injection() {
            return switch (type) {
                case POISONED_MEMORY -> {
                    only("first", "last");
                    yield new Injection.PoisonedMemory(
                            new RangeBody(needed("first", first), needed("last", last)).range());
                }
                case SILENT_DEVICE -> {
                    only("rid");
                    yield new Injection.SilentDevice(needed("rid", rid));
                }
                case FULL_QUEUE -> {
                    only("iommu", "queue");
                    yield new Injection.FullQueue(
                            needed("iommu", iommu), needed("queue", queue).queue());
                }
                case DELAYED_RESPONSE -> {
                    only("rid");
                    yield new Injection.DelayedResponse(needed("rid", rid));
                }
                case MALFORMED_REQUEST -> new Injection.MalformedRequest(needed("rid", rid), flaw());
            };
        }

        private Flaw flaw() {
            return switch (needed("kind", kind)) {
                case PASID -> {
                    only("rid", "kind", "pasid");
                    yield new Flaw.StrayPasid(pasid == null ? Pasid.LARGEST : pasid.value());
                }
                case UNSUPPORTED_TRANSACTION -> befallen(new Mishap.UnsupportedTransaction());
                case TLB_CONFLICT -> befallen(new Mishap.ConflictingTranslations());
                case CONFIGURATION_CONFLICT -> befallen(new Mishap.ConflictingConfiguration());
                case PAGE_HINT -> {
                    only("rid", "kind", "permissions", "pages");
                    var wanted = permissions == null ? new Permissions(true, false, false, false) : permissions;
                    yield new Flaw.Befallen(new Mishap.PageHint(wanted, pages == null ? 1 : pages));
                }
            };
        }

        private Flaw befallen(Mishap mishap) {
            only("rid", "kind");
            return new Flaw.Befallen(mishap);
        }

        private <T> T needed(String property, @Nullable T value) {
            if (value == null) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "%s is missing, which %s needs".formatted(property, WireName.of(type)),
                        Map.of("property", property));
            }
            return value;
        }

        /** Refuses what belongs to another type or kind. */
        private void only(String... known) {
            var names = List.of(known);
            var what = type == InjectionType.MALFORMED_REQUEST && kind != null
                    ? WireName.of(type) + " of kind " + WireName.of(kind)
                    : WireName.of(type);
            given().forEach((name, value) -> {
                if (!names.contains(name)) {
                    throw new RefusedException(
                            Errno.EINVAL,
                            "%s has no %s; it has %s".formatted(what, name, String.join(", ", names)),
                            Map.of("property", name));
                }
            });
        }

        private Map<String, Object> given() {
            var given = new LinkedHashMap<String, Object>();
            put(given, "first", first);
            put(given, "last", last);
            put(given, "rid", rid);
            put(given, "iommu", iommu);
            put(given, "queue", queue);
            put(given, "kind", kind);
            put(given, "pasid", pasid);
            put(given, "permissions", permissions);
            put(given, "pages", pages);
            return given;
        }

        private static void put(Map<String, Object> given, String name, @Nullable Object value) {
            if (value != null) {
                given.put(name, value);
            }
        }
    }

    /**
     * {@code remaining}: how often it still happens, not there if it is unlimited; {@code met}: how often it has; {@code held}: answers that it
     * holds back, of {@code delayed-response}.
     */
    record InjectionBody(
            int id,
            InjectionType type,
            @Nullable Hex first,
            @Nullable Hex last,
            @Nullable Rid rid,
            @Nullable String iommu,
            @Nullable QueueName queue,
            @Nullable FlawKind kind,
            @Nullable Pasid pasid,
            @Nullable Permissions permissions,
            @Nullable Integer pages,
            @Nullable Integer remaining,
            long met,
            @Nullable Integer held) {
        static InjectionBody of(InjectionSummary active) {
            return switch (active.injection()) {
                case Injection.PoisonedMemory(var range) ->
                    of(active, InjectionType.POISONED_MEMORY, RangeBody.of(range), null, null, null, null);
                case Injection.SilentDevice(var rid) ->
                    of(active, InjectionType.SILENT_DEVICE, null, rid, null, null, null);
                case Injection.FullQueue(var iommu, var queue) ->
                    of(active, InjectionType.FULL_QUEUE, null, null, iommu, QueueName.of(queue), null);
                case Injection.DelayedResponse(var rid) ->
                    of(active, InjectionType.DELAYED_RESPONSE, null, rid, null, null, null);
                case Injection.MalformedRequest(var rid, var flaw) ->
                    of(active, InjectionType.MALFORMED_REQUEST, null, rid, null, null, flaw);
            };
        }

        private static InjectionBody of(
                InjectionSummary active,
                InjectionType type,
                @Nullable RangeBody range,
                @Nullable Rid rid,
                @Nullable String iommu,
                @Nullable QueueName queue,
                @Nullable Flaw flaw) {
            var hint = flaw instanceof Flaw.Befallen(Mishap.PageHint found) ? found : null;
            return new InjectionBody(
                    active.id(),
                    type,
                    range == null ? null : range.first(),
                    range == null ? null : range.last(),
                    rid,
                    iommu,
                    queue,
                    flaw == null ? null : kind(flaw),
                    flaw instanceof Flaw.StrayPasid(int pasid) ? new Pasid(pasid) : null,
                    hint == null ? null : hint.wanted(),
                    hint == null ? null : hint.pages(),
                    active.remaining(),
                    active.met(),
                    type == InjectionType.DELAYED_RESPONSE ? active.held() : null);
        }

        private static FlawKind kind(Flaw flaw) {
            return switch (flaw) {
                case Flaw.StrayPasid stray -> FlawKind.PASID;
                case Flaw.Befallen(Mishap.UnsupportedTransaction mishap) -> FlawKind.UNSUPPORTED_TRANSACTION;
                case Flaw.Befallen(Mishap.ConflictingTranslations mishap) -> FlawKind.TLB_CONFLICT;
                case Flaw.Befallen(Mishap.ConflictingConfiguration mishap) -> FlawKind.CONFIGURATION_CONFLICT;
                case Flaw.Befallen(Mishap.PageHint mishap) -> FlawKind.PAGE_HINT;
            };
        }
    }

    private InjectionBodies() {}
}
