package dev.ioasid.web;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.ioasid.iommu.RecordedRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.kernellog.DecodedFault;
import dev.ioasid.iommu.kernellog.DecodedLog;
import dev.ioasid.iommu.kernellog.KernelLog;
import dev.ioasid.iommu.smmuv3.FaultClass;
import dev.ioasid.web.IommuController.IommuTypeName;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Fault reports of real machines, explained. Belongs to no machine of the service. */
@RestController
@RequestMapping("/v1/faults")
@Tag(name = "faults", description = "The faults that an IOMMU has recorded, oldest first.")
class FaultDecodeController {
    /** What sort of request it was. */
    enum RecordedRequestName {
        UNTRANSLATED,
        TRANSLATION_REQUEST,
        TRANSLATED,
        PAGE_REQUEST;

        static RecordedRequestName of(RecordedRequest request) {
            return switch (request) {
                case UNTRANSLATED -> UNTRANSLATED;
                case TRANSLATION_REQUEST -> TRANSLATION_REQUEST;
                case TRANSLATED -> TRANSLATED;
                case PAGE_REQUEST -> PAGE_REQUEST;
            };
        }
    }

    /** What an SMMUv3 was doing: fetching a context descriptor, a stage-1 descriptor, or translating the input. */
    enum FaultClassName {
        CD,
        TT,
        IN;

        static @Nullable FaultClassName of(@Nullable FaultClass faultClass) {
            return switch (faultClass) {
                case null -> null;
                case CD -> CD;
                case TT -> TT;
                case IN -> IN;
            };
        }
    }

    /**
     * {@code line} is where the report begins, {@code text} that line. {@code rid} behind an SMMUv3 is what the kernel calls the device, or else
     * what the StreamID usually stands for. Whatever the report does not say is left out. Interrupts have an {@code interruptIndex} and no
     * address.
     */
    record DecodedFaultBody(
            int line,
            String text,
            IommuTypeName architecture,
            @Nullable Rid rid,
            @Nullable Hex streamId,
            @Nullable String client,
            @Nullable Pasid pasid,
            @Nullable Hex address,
            @Nullable Hex interruptIndex,
            @Nullable AccessName access,
            @Nullable Boolean privileged,
            @Nullable Boolean execute,
            @Nullable RecordedRequestName type,
            Hex code,
            String name,
            String detail,
            @Nullable StageName stage,
            @JsonProperty("class") @Nullable FaultClassName faultClass,
            @Nullable Integer level,
            List<String> likelyCauses,
            List<String> lookNext,
            @Nullable List<Hex> words) {
        static DecodedFaultBody of(DecodedFault fault) {
            var source = fault.source();
            var access = fault.access();
            var reason = fault.reason();
            return new DecodedFaultBody(
                    fault.line(),
                    fault.text(),
                    IommuTypeName.of(fault.architecture()),
                    source.rid(),
                    source.streamId() == null ? null : new Hex(Integer.toUnsignedLong(source.streamId())),
                    source.client(),
                    Pasid.of(source.pasid()),
                    access.address() == null ? null : new Hex(access.address()),
                    access.interruptIndex() == null ? null : new Hex(access.interruptIndex()),
                    access.access() == null ? null : AccessName.of(access.access()),
                    access.privileged(),
                    access.execute(),
                    access.request() == null ? null : RecordedRequestName.of(access.request()),
                    new Hex(reason.code()),
                    reason.name(),
                    reason.detail(),
                    StageName.of(reason.stage()),
                    FaultClassName.of(fault.faultClass()),
                    fault.level(),
                    fault.advice().likelyCauses(),
                    fault.advice().lookNext(),
                    fault.words().isEmpty() ? null : Lists.map(fault.words(), Hex::new));
        }
    }

    /** {@code skipped}: lines that belong to no fault, blank ones left aside; {@code truncated}: there are more faults than are answered. */
    record DecodedFaultsBody(List<DecodedFaultBody> items, int skipped, boolean truncated) {
        static DecodedFaultsBody of(DecodedLog log) {
            return new DecodedFaultsBody(Lists.map(log.faults(), DecodedFaultBody::of), log.skipped(), log.truncated());
        }
    }

    @Operation(
            operationId = "decodeFaults",
            summary = "Find the faults in a kernel log, or in the words of fault records, and say what they mean")
    @PostMapping(path = "/decode", consumes = Web.TEXT, produces = Web.JSON)
    DecodedFaultsBody decode(@RequestBody(required = false) @Nullable String log) {
        return DecodedFaultsBody.of(KernelLog.read(log == null ? "" : log));
    }
}
