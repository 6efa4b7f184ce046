package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.Command;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** What the hardware does with a device's requests. */
@RestController
@RequestMapping("/v1/machines/{machine}/translations")
@Tag(name = "translations", description = "What the hardware does with a device's requests, and why.")
class TranslationController {
    static final int LARGEST_BATCH = 10_000;

    /** What kind of request a TLP is. */
    enum RequestType {
        UNTRANSLATED,
        TRANSLATION_REQUEST,
        TRANSLATED;

        static RequestType of(DmaRequest.Kind kind) {
            return switch (kind) {
                case UNTRANSLATED -> UNTRANSLATED;
                case TRANSLATION_REQUEST -> TRANSLATION_REQUEST;
                case TRANSLATED -> TRANSLATED;
            };
        }

        DmaRequest.Kind kind() {
            return switch (this) {
                case UNTRANSLATED -> DmaRequest.Kind.UNTRANSLATED;
                case TRANSLATION_REQUEST -> DmaRequest.Kind.TRANSLATION_REQUEST;
                case TRANSLATED -> DmaRequest.Kind.TRANSLATED;
            };
        }
    }

    enum Outcome {
        TRANSLATED,
        FAULT,
        STALLED
    }

    /**
     * Without {@code pasid}: a request without a PASID prefix. A {@code translation-request} moves nothing: its {@code access} may be left out, and
     * with {@code noWrite} the device does not want to write.
     */
    record TranslationRequest(
            Rid rid,
            @Nullable Pasid pasid,
            Hex iova,
            @Nullable AccessName access,
            @Nullable Boolean privileged,
            @Nullable RequestType type,
            @Nullable Boolean noWrite) {
        DmaRequest request() {
            var kind = type == null ? DmaRequest.Kind.UNTRANSLATED : type.kind();
            if (noWrite != null && kind != DmaRequest.Kind.TRANSLATION_REQUEST) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "noWrite is for requests of type translation-request",
                        Map.of("property", "noWrite"));
            }
            if (access == null && kind != DmaRequest.Kind.TRANSLATION_REQUEST) {
                throw new RefusedException(
                        Errno.EINVAL, "access is missing: read, write or execute", Map.of("property", "access"));
            }
            return new DmaRequest(
                    rid,
                    Pasid.orNone(pasid),
                    iova.value(),
                    access == null ? Access.READ : access.access(),
                    Boolean.TRUE.equals(privileged),
                    kind,
                    Boolean.TRUE.equals(noWrite));
        }
    }

    record TranslateBody(List<TranslationRequest> requests) {
        TranslateBody {
            if (requests.size() > LARGEST_BATCH) {
                throw new RefusedException(
                        Errno.E2BIG,
                        "%d requests are more than %d, the most of one call; application/octet-stream takes %d"
                                .formatted(requests.size(), LARGEST_BATCH, TranslationRecords.LARGEST_BATCH),
                        Map.of("limit", Map.of("name", "requests", "value", LARGEST_BATCH)));
            }
        }

        Command.Translate command() {
            var translated = new ArrayList<DmaRequest>(requests.size());
            for (int i = 0; i < requests.size(); i++) {
                try {
                    translated.add(requests.get(i).request());
                } catch (RefusedException refused) {
                    var named = refused.with("index", i);
                    var property = refused.subjects().get("property");
                    throw property == null ? named : named.with("property", "requests[%d].%s".formatted(i, property));
                }
            }
            return new Command.Translate(translated);
        }
    }

    /**
     * {@code level} of the table entry at fault, as the architecture counts; {@code recorded}: it left a fault record; {@code words} of
     * an SMMUv3's event record.
     */
    record FaultBody(
            Hex code,
            String name,
            String detail,
            @Nullable StageName stage,
            @Nullable Integer level,
            Hex address,
            boolean recoverable,
            boolean recorded,
            @Nullable List<Hex> words) {
        static FaultBody of(Fault fault) {
            return new FaultBody(
                    new Hex(fault.code()),
                    fault.name(),
                    fault.detail(),
                    StageName.of(fault.stage()),
                    fault.level(),
                    new Hex(fault.address()),
                    fault.recoverable(),
                    fault.recorded(),
                    fault.words().isEmpty() ? null : Lists.map(fault.words(), Hex::new));
        }
    }

    /** How a translation request is completed; {@code word} is the completion's data. */
    record CompletionBody(CompletionStatus status, Hex word, Map<String, Hex> fields) {
        static CompletionBody of(Translation.Completed completed) {
            return new CompletionBody(
                    CompletionStatus.of(completed.status()),
                    new Hex(completed.word()),
                    Fields.of(AtsCompletion.LAYOUT, List.of(completed.word())));
        }
    }

    enum CompletionStatus {
        SUCCESS,
        UNSUPPORTED_REQUEST,
        COMPLETER_ABORT;

        static CompletionStatus of(AtsCompletion.Status status) {
            return switch (status) {
                case SUCCESS -> SUCCESS;
                case UNSUPPORTED_REQUEST -> UNSUPPORTED_REQUEST;
                case COMPLETER_ABORT -> COMPLETER_ABORT;
            };
        }
    }

    /**
     * {@code permissions}: what a requester of the asking kind may do with the page, all stages together. {@code completion} is there for a
     * translation request; if that is a success without rights, {@code fault} says why, and none has been recorded.
     */
    record TranslationBody(
            Outcome status,
            @Nullable Hex address,
            @Nullable Hex pageSize,
            @Nullable Permissions permissions,
            @Nullable FaultBody fault,
            @Nullable CompletionBody completion) {
        static TranslationBody of(Translation translation) {
            return switch (translation) {
                case Translation.Translated(long address, long pageSize, Permissions permissions) ->
                    new TranslationBody(
                            Outcome.TRANSLATED, new Hex(address), new Hex(pageSize), permissions, null, null);
                case Translation.Faulted(Fault fault) ->
                    new TranslationBody(Outcome.FAULT, null, null, null, FaultBody.of(fault), null);
                case Translation.Stalled stalled ->
                    new TranslationBody(Outcome.STALLED, null, null, null, FaultBody.of(stalled.fault()), null);
                case Translation.Completed completed -> of(completed);
            };
        }

        private static TranslationBody of(Translation.Completed completed) {
            var fault = completed.fault() == null ? null : FaultBody.of(completed.fault());
            var completion = CompletionBody.of(completed);
            if (completed.status() != AtsCompletion.Status.SUCCESS) {
                return new TranslationBody(Outcome.FAULT, null, null, null, fault, completion);
            }
            boolean rights = completed.permissions().any();
            return new TranslationBody(
                    Outcome.TRANSLATED,
                    rights ? new Hex(completed.address()) : null,
                    rights ? new Hex(completed.pageSize()) : null,
                    completed.permissions(),
                    fault,
                    completion);
        }
    }

    record TranslationsBody(List<TranslationBody> results) {}

    /** {@code raw} are the 64-bit words that were read at {@code address}, {@code fields} what they say. */
    record StepBody(
            String structure,
            @Nullable Integer level,
            @Nullable StageName stage,
            @Nullable Hex address,
            List<String> raw,
            @Nullable Map<String, Hex> fields,
            @Nullable String section,
            String decision) {
        static StepBody of(Step step) {
            var layout = step.layout();
            return new StepBody(
                    step.structure(),
                    step.level(),
                    StageName.of(step.stage()),
                    step.address() == null ? null : new Hex(step.address()),
                    Lists.map(step.raw(), "0x%016x"::formatted),
                    layout == null ? null : Fields.of(layout, step.raw()),
                    layout == null ? null : layout.section(),
                    step.decision());
        }
    }

    record ExplanationBody(TranslationBody result, List<StepBody> steps) {
        static ExplanationBody of(Explanation explanation) {
            return new ExplanationBody(
                    TranslationBody.of(explanation.result()), Lists.map(explanation.steps(), StepBody::of));
        }
    }

    private final Machines machines;

    TranslationController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "translate", summary = "Translate requests as the hardware does, with all it changes")
    @Refuses(Errno.ENODEV)
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    TranslationsBody translate(@PathVariable String machine, @RequestBody TranslateBody body) {
        return new TranslationsBody(Lists.map(machines.apply(machine, body.command()), TranslationBody::of));
    }

    @Operation(operationId = "translate", summary = "Translate requests as the hardware does, with all it changes")
    @Refuses(Errno.ENODEV)
    @PostMapping(consumes = Web.BYTES, produces = Web.BYTES)
    byte[] translate(@PathVariable String machine, @RequestBody byte[] body) {
        var records = TranslationRecords.read(body);
        return records.answer(machines.apply(machine, new Command.Translate(records.requests())));
    }

    @Operation(
            operationId = "explain",
            summary = "Explain, step by step, what the hardware would do with a request; nothing is changed")
    @Refuses(Errno.ENODEV)
    @PostMapping(path = "/explain", consumes = Web.JSON, produces = Web.JSON)
    ExplanationBody explain(@PathVariable String machine, @RequestBody TranslationRequest body) {
        var request = body.request();
        return ExplanationBody.of(machines.read(machine, view -> view.explain(request)));
    }

    @Operation(
            operationId = "explain",
            summary = "Explain, step by step, what the hardware would do with a request; nothing is changed")
    @Refuses(Errno.ENODEV)
    @PostMapping(path = "/explain", consumes = Web.JSON, produces = Web.TEXT)
    String explainInText(@PathVariable String machine, @RequestBody TranslationRequest body) {
        var request = body.request();
        return ExplanationText.of(request, machines.read(machine, view -> view.explain(request)));
    }
}
