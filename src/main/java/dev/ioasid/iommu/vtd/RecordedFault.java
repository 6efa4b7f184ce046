package dev.ioasid.iommu.vtd;

import static dev.ioasid.iommu.vtd.FaultRecording.*;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.RecordedRequest;
import dev.ioasid.iommu.Rid;

/** A fault recording register as somebody has read it: it may be anything. The layout is {@link FaultRecording}. */
public record RecordedFault(long low, long high) {
    /** Whether nothing has been recorded. */
    public boolean isEmpty() {
        return !F.isSet(high) && FR.get(high) == 0;
    }

    public int code() {
        return (int) FR.get(high);
    }

    /** Of segment 0: which one it is, no record says. */
    public Rid rid() {
        return Rid.ofSourceId(0, (int) SID.get(high));
    }

    /** {@link DmaRequest#NO_PASID} if the request carried none. */
    public int pasid() {
        return hasPasid() ? (int) PV.get(high) : DmaRequest.NO_PASID;
    }

    public boolean hasPasid() {
        return PP.isSet(high);
    }

    /** Of the page. */
    public long address() {
        return FI.address(low);
    }

    /** Of an interrupt request, where {@link VtdReasons#isInterrupt the reason} is one of interrupt remapping. */
    public int interruptIndex() {
        return (int) (low >>> 48);
    }

    /** An atomic operation is a write, too. Of a page request it means nothing. */
    public Access access() {
        if (hasPasid() && EXE.isSet(high) && T1.isSet(high)) {
            return Access.EXECUTE;
        }
        return T1.isSet(high) && !T2.isSet(high) ? Access.READ : Access.WRITE;
    }

    public boolean isAtomic() {
        return T1.isSet(high) && T2.isSet(high);
    }

    /** Only a request with PASID says. */
    public boolean isPrivileged() {
        return hasPasid() && PRIV.isSet(high);
    }

    /** What AT, T1 and T2 say. */
    public RecordedRequest request() {
        if (T2.isSet(high) && !T1.isSet(high)) {
            return RecordedRequest.PAGE_REQUEST;
        }
        return switch ((int) AT.get(high)) {
            case 1 -> RecordedRequest.TRANSLATION_REQUEST;
            case 2 -> RecordedRequest.TRANSLATED;
            default -> RecordedRequest.UNTRANSLATED;
        };
    }
}
