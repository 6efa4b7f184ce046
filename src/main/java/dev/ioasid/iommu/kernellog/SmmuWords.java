package dev.ioasid.iommu.kernellog;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultReason;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.Stage;
import dev.ioasid.iommu.smmuv3.FaultClass;
import dev.ioasid.iommu.smmuv3.SmmuEvent;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What newer kernels say of an event in words, in two lines. */
final class SmmuWords {
    /** Who, and where: event, client, StreamID, SubstreamID, input address. */
    static final Pattern EVENT =
            Pattern.compile("event: (\\w+) client: (.+?) sid: 0x([0-9a-f]{1,8}) ssid: 0x([0-9a-f]{1,5})"
                    + "(?: iova: 0x([0-9a-f]{1,16}) ipa: 0x[0-9a-f]{1,16}| fetch_addr: 0x[0-9a-f]{1,16})?");

    /** How: privilege, instruction or data, direction, stage, class. */
    static final Pattern ACCESS = Pattern.compile(
            "(priv|unpriv) (inst|data) (read|write) s([12]) \"([^\"]*)\"(?: ttd_read| ttd_write)?(?: stall)? stag: 0x[0-9a-f]{1,4}.*");

    private SmmuWords() {}

    static int streamId(Matcher event) {
        return Integer.parseUnsignedInt(event.group(3), 16);
    }

    /** Whether they are about an event of which the words of the record are known already. */
    static boolean tellsOf(DecodedFault fault, Matcher event, int streamId) {
        var known = fault.source().streamId();
        boolean sameName = event.group(1).equals("UNKNOWN")
                || event.group(1).equals(fault.reason().name());
        return !fault.words().isEmpty() && known != null && known == streamId && sameName;
    }

    /** Null for an event without name: of which number it is, only the words of the record tell. */
    static @Nullable DecodedFault fault(LogLine line, Matcher event, int streamId) {
        if (!SmmuEvent.names().contains(event.group(1))) {
            return null;
        }
        var what = SmmuEvent.valueOf(event.group(1));
        int substreamId = Integer.parseInt(event.group(4), 16);
        // they say 0 where there is none, too
        int pasid = substreamId == 0 ? DmaRequest.NO_PASID : substreamId;
        var address = event.group(5);
        return new DecodedFault(
                line.number(),
                line.text(),
                IommuType.SMMUV3,
                FaultSource.ofStream(streamId, pasid).named(event.group(2)),
                address == null ? FaultedAccess.UNSAID : FaultedAccess.of(Long.parseUnsignedLong(address, 16)),
                new FaultReason(what.code(), what.name(), what.detail(), null),
                null,
                null,
                List.of());
    }

    /** The same fault, with what the second line says. */
    static DecodedFault withAccess(DecodedFault fault, Matcher said) {
        boolean execute = said.group(2).equals("inst");
        var access = said.group(3).equals("write") ? Access.WRITE : execute ? Access.EXECUTE : Access.READ;
        var how = new FaultedAccess(
                fault.access().address(), null, access, said.group(1).equals("priv"), execute, null);
        var reason = fault.reason();
        var stage = said.group(4).equals("2") ? Stage.SECOND : Stage.FIRST;
        return fault.withAccess(
                how, new FaultReason(reason.code(), reason.name(), reason.detail(), stage), faultClass(said.group(5)));
    }

    private static @Nullable FaultClass faultClass(String said) {
        return switch (said) {
            case "CD fetch" -> FaultClass.CD;
            case "Stage 1 translation table fetch" -> FaultClass.TT;
            case "Input address caused fault" -> FaultClass.IN;
            default -> null;
        };
    }
}
