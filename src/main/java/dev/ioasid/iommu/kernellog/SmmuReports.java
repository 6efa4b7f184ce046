package dev.ioasid.iommu.kernellog;

import dev.ioasid.iommu.smmuv3.RecordedEvent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * SMMUv3 events as Linux logs them: the words of the record, one in a line, and of newer kernels what they say.
 *
 * <pre>{@code
 * arm-smmu-v3 fc900000.iommu: event 0x10 received:
 * arm-smmu-v3 fc900000.iommu:      0x0000010000000010
 * arm-smmu-v3 fc900000.iommu:      0x0000020000000000
 * arm-smmu-v3 fc900000.iommu:      0x000000090000f040
 * arm-smmu-v3 fc900000.iommu:      0x0000000000000000
 * arm-smmu-v3 fc900000.iommu: event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0x90000f040 ipa: 0x0
 * arm-smmu-v3 fc900000.iommu: unpriv data write s1 "Input address caused fault" stag: 0x0
 * }</pre>
 *
 * <p>Units are kept apart by their names, so that their lines may alternate. The first line, or the words, may be missing.
 */
final class SmmuReports implements Reports {
    private static final Pattern LINE = Pattern.compile("arm-smmu-v3 (\\S{1,100}): (.+)");
    private static final Pattern HEAD = Pattern.compile("event 0x([0-9a-f]{2}) received:.*");
    private static final Pattern WORD = Pattern.compile("0x([0-9a-f]{16})");

    /** What was taken of one unit's report, the last of its faults, and what may still be said of that one. */
    private static final class Unit {
        @Nullable
        LogLine first;

        final List<Long> words = new ArrayList<>();
        int lines;
        int last = -1;
        boolean saysMore;
    }

    private final Findings findings;
    private final Map<String, Unit> units = new HashMap<>();
    private int abandoned;

    SmmuReports(Findings findings) {
        this.findings = findings;
    }

    @Override
    public boolean take(LogLine line) {
        if (!line.text().contains("arm-smmu-v3 ")) {
            return false;
        }
        var match = LINE.matcher(line.text());
        return match.find() && take(line, units.computeIfAbsent(match.group(1), name -> new Unit()), match.group(2));
    }

    @Override
    public int abandoned() {
        return abandoned + units.values().stream().mapToInt(unit -> unit.lines).sum();
    }

    private boolean take(LogLine line, Unit unit, String message) {
        if (HEAD.matcher(message).matches()) {
            abandon(unit);
            unit.first = line;
            unit.lines = 1;
            return true;
        }
        var word = WORD.matcher(message);
        if (word.matches()) {
            takeWord(line, unit, Long.parseUnsignedLong(word.group(1), 16));
            return true;
        }
        var event = SmmuWords.EVENT.matcher(message);
        if (event.matches()) {
            return takeEvent(line, unit, event);
        }
        var access = SmmuWords.ACCESS.matcher(message);
        if (access.matches() && unit.saysMore) {
            unit.saysMore = false;
            if (findings.get(unit.last).words().isEmpty()) {
                findings.change(unit.last, fault -> SmmuWords.withAccess(fault, access));
            }
            return true;
        }
        return false;
    }

    private void takeWord(LogLine line, Unit unit, long word) {
        var first = unit.first == null ? line : unit.first;
        unit.first = first;
        unit.lines++;
        unit.words.add(word);
        if (unit.words.size() == BareWords.SMMU_WORDS) {
            var record = new RecordedEvent(unit.words);
            boolean empty = record.code() == 0;
            if (!empty) {
                unit.last = findings.add(BareWords.fault(first, record));
                unit.saysMore = true;
                unit.lines = 0;
            }
            abandon(unit);
        }
    }

    private boolean takeEvent(LogLine line, Unit unit, Matcher event) {
        abandon(unit);
        int streamId = SmmuWords.streamId(event);
        boolean known = unit.saysMore && SmmuWords.tellsOf(findings.get(unit.last), event, streamId);
        if (known) {
            var client = event.group(2);
            findings.change(unit.last, fault -> fault.withSource(fault.source().named(client)));
            return true;
        }
        var fault = SmmuWords.fault(line, event, streamId);
        if (fault == null) {
            return false;
        }
        unit.last = findings.add(fault);
        unit.saysMore = true;
        return true;
    }

    private void abandon(Unit unit) {
        abandoned += unit.lines;
        unit.lines = 0;
        unit.first = null;
        unit.words.clear();
    }
}
