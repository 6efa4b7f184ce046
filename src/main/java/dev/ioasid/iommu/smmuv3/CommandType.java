package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.CommandFields.*;

import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What the Non-secure Command queue takes, by the names of the specification without {@code CMD_}. IHI 0070, chapter 4. */
enum CommandType {
    // spotless:off  columns are the point
    PREFETCH_CONFIG (0x01, "4.2.1",    unit -> true,                     SSEC, SSV, SUBSTREAMID, STREAMID),
    PREFETCH_ADDR   (0x02, "4.2.2",    unit -> true,                     SSEC, SSV, SUBSTREAMID, STREAMID, PREFETCHES, ADDRESS),
    CFGI_STE        (0x03, "4.3.1",    unit -> true,                     SSEC, STREAMID, LEAF),
    CFGI_STE_RANGE  (0x04, "4.3.2",    unit -> true,                     SSEC, STREAMID, RANGE),
    CFGI_CD         (0x05, "4.3.3",    SmmuCapabilities::s1,             SSEC, SUBSTREAMID, STREAMID, LEAF),
    CFGI_CD_ALL     (0x06, "4.3.4",    SmmuCapabilities::s1,             SSEC, STREAMID),
    CFGI_VMS_PIDM   (0x07, "4.3.5",    unit -> unit.has3(Idr3.MPAM),     SSEC, VMID),
    TLBI_NH_ALL     (0x10, "4.4.2.1",  SmmuCapabilities::s1,             VMID),
    TLBI_NH_ASID    (0x11, "4.4.2.2",  SmmuCapabilities::s1,             VMID, ASID),
    TLBI_NH_VA      (0x12, "4.4.2.4",  SmmuCapabilities::s1,             NUM, SCALE, VMID, ASID, LEAF, TTL128, TTL, TG, ADDRESS),
    TLBI_NH_VAA     (0x13, "4.4.2.3",  SmmuCapabilities::s1,             NUM, SCALE, VMID, LEAF, TTL128, TTL, TG, ADDRESS),
    TLBI_EL2_ALL    (0x20, "4.4.2.7",  unit -> unit.s1() && unit.hyp()),
    TLBI_EL2_ASID   (0x21, "4.4.2.10", unit -> unit.s1() && unit.hyp(),  ASID),
    TLBI_EL2_VA     (0x22, "4.4.2.8",  unit -> unit.s1() && unit.hyp(),  NUM, SCALE, ASID, LEAF, TTL128, TTL, TG, ADDRESS),
    TLBI_EL2_VAA    (0x23, "4.4.2.9",  unit -> unit.s1() && unit.hyp(),  NUM, SCALE, LEAF, TTL128, TTL, TG, ADDRESS),
    TLBI_S12_VMALL  (0x28, "4.4.3.2",  SmmuCapabilities::s2,             VMID),
    TLBI_S2_IPA     (0x2a, "4.4.3.1",  SmmuCapabilities::s2,             NUM, SCALE, VMID, LEAF, TTL128, TTL, TG, IPA),
    TLBI_NSNH_ALL   (0x30, "4.4.4.1",  unit -> true),
    ATC_INV         (0x40, "4.5.1",    SmmuCapabilities::ats,            GLOBAL, SSEC, SSV, SUBSTREAMID, STREAMID, PAGES, ADDRESS),
    PRI_RESP        (0x41, "4.5.2",    SmmuCapabilities::pri,            SSV, SUBSTREAMID, STREAMID, PRGINDEX, RESP),
    RESUME          (0x44, "4.7.1",    SmmuCapabilities::stalls,         SSEC, AC, AB, STREAMID, STAG),
    STALL_TERM      (0x45, "4.7.2",    SmmuCapabilities::stalls,         SSEC, STREAMID),
    SYNC            (0x46, "4.7.3",    unit -> true,                     CS, MSH, MSIATTR, MSIDATA, MSIADDRESS);
    // spotless:on

    /** Range of CFGI_STE_RANGE that makes it CFGI_ALL. */
    static final int ALL_STES = 31;

    private static final CommandType[] BY_OPCODE = new CommandType[256];

    static {
        for (var type : values()) {
            BY_OPCODE[type.opcode] = type;
        }
    }

    private final int opcode;
    private final Predicate<SmmuCapabilities> offered;
    private final BitLayout layout;
    private final boolean secure;
    private final boolean ranged;

    /** @param offered whether a unit takes it at all */
    CommandType(int opcode, String section, Predicate<SmmuCapabilities> offered, BitField... fields) {
        this.opcode = opcode;
        this.offered = offered;
        var all = new ArrayList<>(List.of(OPCODE));
        all.addAll(List.of(fields));
        this.layout = new BitLayout("CMD_" + name(), section, WORDS, all);
        this.secure = all.contains(SSEC);
        this.ranged = all.contains(TG);
    }

    /** Null if the queue takes no command with this opcode. */
    static @Nullable CommandType of(long word0) {
        return BY_OPCODE[(int) OPCODE.get(word0)];
    }

    int opcode() {
        return opcode;
    }

    BitLayout layout() {
        return layout;
    }

    boolean isOfferedBy(SmmuCapabilities unit) {
        return offered.test(unit);
    }

    /** Whether it says if its StreamID is a Secure one. */
    boolean hasSecurity() {
        return secure;
    }

    /** Whether it can name a range of addresses. */
    boolean hasRange() {
        return ranged;
    }

    /** The command as users are shown it, {@code tlbi-nh-va} or {@code cfgi-all}. */
    IssuedCommand issued(long word0, long word1) {
        var wire = this == CFGI_STE_RANGE && RANGE.get(word1) == ALL_STES
                ? "cfgi-all"
                : name().toLowerCase(Locale.ROOT).replace('_', '-');
        return new IssuedCommand(wire, List.of(word0, word1), layout);
    }
}
