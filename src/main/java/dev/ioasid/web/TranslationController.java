package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.Command;
import dev.ioasid.memory.BitLayout;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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
        TRANSLATED
    }

    enum Outcome {
        TRANSLATED,
        FAULT
    }

    /** Without {@code pasid}: a request without a PASID prefix. */
    record TranslationRequest(
            Rid rid,
            @Nullable Pasid pasid,
            Hex iova,
            AccessName access,
            @Nullable Boolean privileged,
            @Nullable RequestType type) {
        DmaRequest request() {
            if (type != null && type != RequestType.UNTRANSLATED) {
                throw unsupported(WireName.of(type));
            }
            return new DmaRequest(
                    rid, Pasid.orNone(pasid), iova.value(), access.access(), Boolean.TRUE.equals(privileged));
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
                    throw refused.with("index", i);
                }
            }
            return new Command.Translate(translated);
        }
    }

    /** {@code level} of the table entry at fault, 1 for the last; {@code recorded}: it left a fault record. */
    record FaultBody(
            Hex code,
            String name,
            String detail,
            @Nullable StageName stage,
            @Nullable Integer level,
            Hex address,
            boolean recoverable,
            boolean recorded) {
        static FaultBody of(Fault fault) {
            return new FaultBody(
                    new Hex(fault.code()),
                    fault.name(),
                    fault.detail(),
                    StageName.of(fault.stage()),
                    fault.level() == 0 ? null : fault.level(),
                    new Hex(fault.address()),
                    fault.recoverable(),
                    fault.recorded());
        }
    }

    /** {@code permissions}: what a requester of the asking kind may do with the page, all stages together. */
    record TranslationBody(
            Outcome status,
            @Nullable Hex address,
            @Nullable Hex pageSize,
            @Nullable Permissions permissions,
            @Nullable FaultBody fault) {
        static TranslationBody of(Translation translation) {
            return switch (translation) {
                case Translation.Translated(long address, long pageSize, Permissions permissions) ->
                    new TranslationBody(Outcome.TRANSLATED, new Hex(address), new Hex(pageSize), permissions, null);
                case Translation.Faulted(Fault fault) ->
                    new TranslationBody(Outcome.FAULT, null, null, null, FaultBody.of(fault));
            };
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
                    step.level() == 0 ? null : step.level(),
                    StageName.of(step.stage()),
                    step.address() == null ? null : new Hex(step.address()),
                    Lists.map(step.raw(), "0x%016x"::formatted),
                    layout == null ? null : fields(layout, step.raw()),
                    layout == null ? null : layout.section(),
                    step.decision());
        }

        private static Map<String, Hex> fields(BitLayout layout, List<Long> raw) {
            var words = raw.stream().mapToLong(Long::longValue).toArray();
            var fields = new LinkedHashMap<String, Hex>();
            for (var field : layout.fields()) {
                if (field.word() < words.length) {
                    fields.put(field.name(), new Hex(field.get(words)));
                }
            }
            return fields;
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
    @Refuses({Errno.ENODEV, Errno.EOPNOTSUPP})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    TranslationsBody translate(@PathVariable String machine, @RequestBody TranslateBody body) {
        return new TranslationsBody(Lists.map(machines.apply(machine, body.command()), TranslationBody::of));
    }

    @Operation(operationId = "translate", summary = "Translate requests as the hardware does, with all it changes")
    @Refuses({Errno.ENODEV, Errno.EOPNOTSUPP})
    @PostMapping(consumes = Web.BYTES, produces = Web.BYTES)
    byte[] translate(@PathVariable String machine, @RequestBody byte[] body) {
        var records = TranslationRecords.read(body);
        return records.answer(machines.apply(machine, new Command.Translate(records.requests())));
    }

    @Operation(
            operationId = "explain",
            summary = "Explain, step by step, what the hardware would do with a request; nothing is changed")
    @Refuses({Errno.ENODEV, Errno.EOPNOTSUPP})
    @PostMapping(path = "/explain", consumes = Web.JSON, produces = Web.JSON)
    ExplanationBody explain(@PathVariable String machine, @RequestBody TranslationRequest body) {
        var request = body.request();
        return ExplanationBody.of(machines.read(machine, view -> view.explain(request)));
    }

    @Operation(
            operationId = "explain",
            summary = "Explain, step by step, what the hardware would do with a request; nothing is changed")
    @Refuses({Errno.ENODEV, Errno.EOPNOTSUPP})
    @PostMapping(path = "/explain", consumes = Web.JSON, produces = Web.TEXT)
    String explainInText(@PathVariable String machine, @RequestBody TranslationRequest body) {
        var request = body.request();
        return ExplanationText.of(request, machines.read(machine, view -> view.explain(request)));
    }

    static RefusedException unsupported(String type) {
        return new RefusedException(
                Errno.EOPNOTSUPP,
                "requests of type " + type + " are not there yet: this service models untranslated ones only so far",
                Map.of("requestType", type));
    }
}
