package dev.ioasid.iommu.kernellog;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.FaultReason;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.RecordedRequest;
import dev.ioasid.iommu.smmuv3.RecordedEvent;
import dev.ioasid.iommu.smmuv3.SmmuEvent;
import dev.ioasid.iommu.vtd.RecordedFault;
import dev.ioasid.iommu.vtd.VtdReasons;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The words of one record in one line, lowest first, and nothing else but {@code vtd:} or {@code smmuv3:} before them. Without that, two words
 * are VT-d's and four are SMMUv3's, and one of them has to look like a number: with {@code 0x}, or of 16 digits.
 */
final class BareWords implements Reports {
    static final int VTD_WORDS = 2;
    static final int SMMU_WORDS = 4;

    private static final Pattern LINE = Pattern.compile(
            "(?:(vtd|smmuv3) ?: ?)?[\\[\"' ]*((?:0x)?[0-9a-f]{1,16}(?:[,;\"' ]+(?:0x)?[0-9a-f]{1,16}){1,3})[\\]\"', ]*",
            Pattern.CASE_INSENSITIVE);

    private static final Pattern NUMBER = Pattern.compile("0x.*|.{16}", Pattern.CASE_INSENSITIVE);

    private final Findings findings;

    BareWords(Findings findings) {
        this.findings = findings;
    }

    @Override
    public boolean take(LogLine line) {
        var match = LINE.matcher(line.text());
        if (!match.matches()) {
            return false;
        }
        var digits = match.group(2).split("[,;\"' ]+");
        var prefix = match.group(1);
        if (prefix == null
                && Arrays.stream(digits).noneMatch(word -> NUMBER.matcher(word).matches())) {
            return false;
        }
        var words = Arrays.stream(digits).map(BareWords::word).toList();
        var fault = fault(line, prefix == null ? "" : prefix.toLowerCase(Locale.ROOT), words);
        if (fault != null) {
            findings.add(fault);
        }
        return fault != null;
    }

    @Override
    public int abandoned() {
        return 0;
    }

    private static long word(String digits) {
        boolean prefixed = digits.startsWith("0x") || digits.startsWith("0X");
        return Long.parseUnsignedLong(prefixed ? digits.substring(2) : digits, 16);
    }

    private static @Nullable DecodedFault fault(LogLine line, String prefix, List<Long> words) {
        if (words.size() == VTD_WORDS && !prefix.equals("smmuv3")) {
            var record = new RecordedFault(words.get(0), words.get(1));
            return record.isEmpty() ? null : fault(line, record);
        }
        if (words.size() == SMMU_WORDS && !prefix.equals("vtd")) {
            var record = new RecordedEvent(words);
            return record.code() == 0 ? null : fault(line, record);
        }
        return null;
    }

    private static DecodedFault fault(LogLine line, RecordedFault record) {
        var reason = VtdReasons.of(record.code());
        return new DecodedFault(
                line.number(),
                line.text(),
                IommuType.VTD,
                FaultSource.ofRid(record.rid(), record.pasid()),
                access(record),
                reason,
                null,
                null,
                List.of(record.low(), record.high()));
    }

    private static FaultedAccess access(RecordedFault record) {
        if (VtdReasons.isInterrupt(record.code())) {
            return FaultedAccess.ofInterrupt(record.interruptIndex());
        }
        boolean moves = record.request() != RecordedRequest.PAGE_REQUEST; // what a page was wanted for is not recorded
        return new FaultedAccess(
                record.address(),
                null,
                moves ? record.access() : null,
                record.hasPasid() ? record.isPrivileged() : null,
                record.hasPasid() && moves ? record.access() == Access.EXECUTE : null,
                record.request());
    }

    static DecodedFault fault(LogLine line, RecordedEvent record) {
        var reason = record.reason();
        return new DecodedFault(
                line.number(),
                line.text(),
                IommuType.SMMUV3,
                FaultSource.ofStream(record.streamId(), record.substreamId()),
                new FaultedAccess(
                        record.hasAddress() ? record.address() : null,
                        null,
                        record.hasAccess() ? record.access() : null,
                        record.isPrivileged(),
                        record.isExecute(),
                        request(record.event())),
                reason == null ? unknown(record.code()) : reason,
                record.faultClass(),
                null,
                record.words());
    }

    private static FaultReason unknown(int code) {
        boolean own = code >= 0xe0 && code <= 0xef;
        var detail = own ? "an event of the implementation's own" : "an event that the specification does not define";
        return new FaultReason(code, "", detail, null);
    }

    private static @Nullable RecordedRequest request(@Nullable SmmuEvent event) {
        return switch (event) {
            case F_BAD_ATS_TREQ -> RecordedRequest.TRANSLATION_REQUEST;
            case F_TRANSL_FORBIDDEN -> RecordedRequest.TRANSLATED;
            case null, default -> null;
        };
    }
}
