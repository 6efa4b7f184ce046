package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.EventFields.*;
import static dev.ioasid.iommu.smmuv3.SmmuEvent.Kind.CONFIGURATION;
import static dev.ioasid.iommu.smmuv3.SmmuEvent.Kind.MISCELLANEOUS;
import static dev.ioasid.iommu.smmuv3.SmmuEvent.Kind.TRANSLATION;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the Event queue tells of, by the names of the specification, and what is in its records. IHI 0070, section 7.3. */
public enum SmmuEvent {
    // spotless:off  columns are the point
    F_UUT              (0x01, MISCELLANEOUS, "7.3.2",  "an upstream transaction of a kind that is not supported",
            SSV, SUBSTREAMID, REASON, PNU, IND, RNW, INPUTADDR),
    C_BAD_STREAMID     (0x02, CONFIGURATION, "7.3.3",  "the StreamID is beyond the Stream table, or beyond its table of the second level",
            SSV, SUBSTREAMID),
    F_STE_FETCH        (0x03, CONFIGURATION, "7.3.4",  "the STE, or the descriptor that leads to it, could not be fetched",
            SSV, SUBSTREAMID, REASON, FETCHADDR),
    C_BAD_STE          (0x04, CONFIGURATION, "7.3.5",  "the STE is not valid, or has a value that the unit does not allow",
            SSV, SUBSTREAMID),
    F_BAD_ATS_TREQ     (0x05, MISCELLANEOUS, "7.3.6",  "a translation request, which the STE does not allow (EATS), or while translation is off",
            SSV, SUBSTREAMID, TREQ_SPAN, TREQ_PRIV, TREQ_X, TREQ_W, TREQ_R, INPUTPAGE),
    F_STREAM_DISABLED  (0x06, CONFIGURATION, "7.3.7",  "without SubstreamID, or with SubstreamID 0, as the STE does not allow it (S1DSS)"),
    F_TRANSL_FORBIDDEN (0x07, MISCELLANEOUS, "7.3.8",  "a translated transaction, which the STE does not allow (EATS), or while translation is off",
            RNW, INPUTADDR),
    C_BAD_SUBSTREAMID  (0x08, CONFIGURATION, "7.3.9",  "the SubstreamID is beyond the STE's CDs (S1CDMax), or the L1CD that leads to its CD is not valid",
            SUBSTREAMID),
    F_CD_FETCH         (0x09, CONFIGURATION, "7.3.10", "the CD, or the L1CD that leads to it, could not be fetched",
            SSV, SUBSTREAMID, REASON, FETCHADDR),
    C_BAD_CD           (0x0a, CONFIGURATION, "7.3.11", "the CD is not valid, or has a value that the unit does not allow",
            SSV, SUBSTREAMID),
    F_WALK_EABT        (0x0b, MISCELLANEOUS, "7.3.12", "a translation table descriptor could not be fetched",
            SSV, SUBSTREAMID, REASON, PNU, IND, RNW, S2, CLASS, INPUTADDR, FETCHADDR),
    F_TRANSLATION      (0x10, TRANSLATION,   "7.3.13", "the address is not mapped: a descriptor is not valid, or there is no table for such an address",
            SSV, SUBSTREAMID, STAG, STALL, PNU, IND, RNW, NSIPA, S2, CLASS, INPUTADDR, IPA),
    F_ADDR_SIZE        (0x11, TRANSLATION,   "7.3.14", "an address that is put out is too large (CD.IPS, STE.S2PS, IDR5.OAS)",
            SSV, SUBSTREAMID, STAG, STALL, PNU, IND, RNW, NSIPA, S2, CLASS, INPUTADDR, IPA),
    F_ACCESS           (0x12, TRANSLATION,   "7.3.15", "the descriptor's access flag (AF) is clear",
            SSV, SUBSTREAMID, STAG, STALL, PNU, IND, RNW, NSIPA, S2, CLASS, INPUTADDR, IPA),
    F_PERMISSION       (0x13, TRANSLATION,   "7.3.16", "the page does not allow such an access",
            SSV, SUBSTREAMID, STAG, STALL, PNU, IND, RNW, NSIPA, S2, CLASS, TTRNW, INPUTADDR, IPA),
    F_TLB_CONFLICT     (0x20, MISCELLANEOUS, "7.3.17", "more than one TLB entry answers",
            SSV, SUBSTREAMID, REASON, PNU, IND, RNW, S2, INPUTADDR, IPA),
    F_CFG_CONFLICT     (0x21, CONFIGURATION, "7.3.18", "more than one cached configuration answers",
            SSV, SUBSTREAMID, REASON),
    E_PAGE_REQUEST     (0x24, MISCELLANEOUS, "7.3.19", "a device hints that it is going to use some pages",
            SSV, SUBSTREAMID, HINT_UX, HINT_UW, HINT_UR, HINT_PX, HINT_PW, HINT_PR, HINT_SPAN, INPUTPAGE),
    F_VMS_FETCH        (0x25, CONFIGURATION, "7.3.20", "the VMS could not be fetched",
            SSV, SUBSTREAMID, REASON, FETCHADDR);
    // spotless:on

    /** What an event is about. IHI 0070, section 7.2. */
    enum Kind {
        /** What registers, STE or CD say is wrong, or out of reach. */
        CONFIGURATION,
        /** A fault of the translation proper, which CD or STE may have stalled, silenced or completed as RAZ/WI. */
        TRANSLATION,
        MISCELLANEOUS
    }

    private static final SmmuEvent[] ALL = values();

    private final int code;
    private final Kind kind;
    private final String detail;
    private final BitLayout layout;

    SmmuEvent(int code, Kind kind, String section, String detail, BitField... fields) {
        this.code = code;
        this.kind = kind;
        this.detail = detail;
        var all = new ArrayList<>(List.of(CODE, STREAMID));
        all.addAll(List.of(fields));
        this.layout = new BitLayout(name(), section, WORDS, all);
    }

    /** The names of all, by which faults are counted. */
    public static List<String> names() {
        return Arrays.stream(ALL).map(SmmuEvent::name).toList();
    }

    /** Null if the architecture does not define it. */
    public static @Nullable SmmuEvent ofCode(int code) {
        for (var event : ALL) {
            if (event.code == code) {
                return event;
            }
        }
        return null;
    }

    /** The event number, 0x01 to 0x25. */
    public int code() {
        return code;
    }

    Kind kind() {
        return kind;
    }

    /** What is wrong, in a sentence. */
    public String detail() {
        return detail;
    }

    /** What is in its record. */
    BitLayout layout() {
        return layout;
    }

    boolean has(BitField field) {
        return layout.fields().contains(field);
    }
}
