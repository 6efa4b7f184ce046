package dev.ioasid.iommu.kernellog;

import static java.util.regex.Pattern.CASE_INSENSITIVE;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.vtd.VtdReasons;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * VT-d faults as Linux and Xen log them:
 *
 * <pre>{@code
 * DMAR: [DMA Write PASID 0x5] Request device [00:16.7] fault addr 0xdceff000 [fault reason 0x71] SM: Present bit in …
 * DMAR: [DMA Read] Request device [03:00.0] PASID ffffffff fault addr fffd3000 [fault reason 06] PTE Read access is not set
 * DMAR: [INTR-REMAP] Request device [42:00.2] fault index 1600 [fault reason 37] Blocked a compatibility format …
 * }</pre>
 *
 * or with the reason in a line of its own, {@code DMAR:[fault reason 06] …} or Xen's {@code DMAR: reason 06 - …}. Linux may go on with the
 * entries that led to the fault. A reason without {@code 0x} is decimal in Linux's lines; all else is hexadecimal, with it or without.
 */
final class DmarReports implements Reports {
    private static final Pattern REQUEST = Pattern.compile(
            "(DMA Read|DMA Write|INTR-REMAP)(?: NO_PASID| PASID (?:0x)?([0-9a-f]{1,8}))?\\]?:? "
                    + "Request device \\[{1,2}(?:([0-9a-f]{4}):)?(?:0x)?([0-9a-f]{2}:)(?:0x)?([01][0-9a-f]\\.[0-7])\\]"
                    + "(?: PASID (?:0x)?([0-9a-f]{1,8}))? fault (?:addr|index) (?:0x)?([0-9a-f]{1,16})(?![0-9a-fx])",
            CASE_INSENSITIVE);

    private static final Pattern REASON = Pattern.compile(
            "\\[fault reason (?:0x([0-9a-f]{1,2})|([0-9]{1,3}))\\]|: reason ([0-9a-f]{2}) - ", CASE_INSENSITIVE);

    /** What a kernel that was built to do so shows of the tables after a fault. */
    private static final Pattern DUMP = Pattern.compile(
            "DMAR: (?:Dump \\S+ table entries for |(?:scalable mode )?root entry: |context entry: |pasid dir(?:ectory)? entry: "
                    + "|pasid table entry\\[\\d\\]: |pte level: \\d, |(?:root table|context table|pasid directory|pasid table) entry is not present"
                    + "|(PTE|page table) not present at level (\\d))");

    /** The line with the reason comes at most so far behind the one with the request. */
    private static final int NEAR = 8;

    private final Findings findings;
    private @Nullable LogLine waiting;
    private int last = -1;
    private int abandoned;

    DmarReports(Findings findings) {
        this.findings = findings;
    }

    @Override
    public boolean take(LogLine line) {
        return takeRequest(line) || takeReason(line) || takeDump(line);
    }

    @Override
    public int abandoned() {
        return abandoned + (waiting == null ? 0 : 1);
    }

    private boolean takeRequest(LogLine line) {
        if (!line.text().contains("Request device [")) {
            return false;
        }
        var request = REQUEST.matcher(line.text());
        if (!request.find()) {
            return false;
        }
        abandonWaiting();
        var reason = REASON.matcher(line.text());
        if (reason.find(request.end())) {
            add(line, request, code(reason));
        } else {
            waiting = line;
        }
        return true;
    }

    private boolean takeReason(LogLine line) {
        if (waiting == null) {
            return false;
        }
        var reason = REASON.matcher(line.text());
        if (line.number() - waiting.number() > NEAR) {
            abandonWaiting();
        } else if (reason.find()) {
            var request = REQUEST.matcher(waiting.text());
            if (request.find()) {
                add(waiting, request, code(reason));
            }
            waiting = null;
            return true;
        }
        return false;
    }

    private boolean takeDump(LogLine line) {
        var dump = DUMP.matcher(line.text());
        if (last < 0 || !dump.find()) {
            return false;
        }
        var what = dump.group(1);
        if (what != null) {
            // who says "page table" counts the table that is missing, not the entry that would lead to it
            int level = Integer.parseInt(dump.group(2)) + (what.equals("PTE") ? 0 : 1);
            findings.change(last, fault -> fault.withLevel(level));
        }
        return true;
    }

    private void abandonWaiting() {
        if (waiting != null) {
            abandoned++;
            waiting = null;
        }
    }

    private void add(LogLine line, Matcher request, int code) {
        var rid = Rid.parse(
                (request.group(3) == null ? "" : request.group(3) + ":") + request.group(4) + request.group(5));
        int pasid = pasid(request.group(2) == null ? request.group(6) : request.group(2));
        long number = Long.parseUnsignedLong(request.group(7), 16);
        last = findings.add(new DecodedFault(
                line.number(),
                line.text(),
                IommuType.VTD,
                FaultSource.ofRid(rid, pasid),
                access(request.group(1).toLowerCase(Locale.ROOT), number),
                VtdReasons.of(code),
                null,
                null,
                List.of()));
    }

    private static FaultedAccess access(String kind, long number) {
        return switch (kind) {
            case "intr-remap" -> FaultedAccess.ofInterrupt((int) (number & 0xffff));
            case "dma read" -> FaultedAccess.of(number, Access.READ);
            default -> FaultedAccess.of(number, Access.WRITE);
        };
    }

    /** Older kernels write {@code ffffffff} for none. */
    private static int pasid(@Nullable String digits) {
        long pasid = digits == null ? -1 : Long.parseLong(digits, 16);
        return pasid >>> 20 == 0 ? (int) pasid : DmaRequest.NO_PASID;
    }

    private static int code(Matcher reason) {
        if (reason.group(2) != null) {
            return Integer.parseInt(reason.group(2));
        }
        return Integer.parseInt(reason.group(1) != null ? reason.group(1) : reason.group(3), 16);
    }
}
