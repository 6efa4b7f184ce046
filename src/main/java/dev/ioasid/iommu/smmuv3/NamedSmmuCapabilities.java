package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.BitField;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The registers of a unit that has the capabilities that a user names. */
final class NamedSmmuCapabilities {
    /** By IDR0.STALL_MODEL. */
    static final List<String> STALL_MODELS = List.of("both", "terminate-only", "stall-only");
    /** By IDR0.HTTU. */
    static final List<String> HTTUS = List.of("none", "access", "dirty");

    private static final List<Long> GRANULES = List.of(0x1000L, 0x4000L, 0x10000L);
    private static final List<Integer> OUTPUT_BITS = List.of(32, 36, 40, 42, 44, 48, 52);
    private static final int LEAST_STREAM_BITS_OF_TWO_LEVELS = 7;
    private static final int LARGEST_QUEUE = 19;
    private static final int LARGEST_STALL_MAX = 0xffff;

    private NamedSmmuCapabilities() {}

    static SmmuCapabilities of(SmmuNames names) {
        boolean stage1 = orOn(names.stage1());
        boolean stage2 = orOn(names.stage2());
        if (!stage1 && !stage2) {
            throw refused("stage2", false, "true where stage1 is false");
        }
        boolean both = stage1 && stage2;
        int minor = between("architectureMinor", names.architectureMinor(), 2, 1, 3);
        int streamIdBits = between("streamIdBits", names.streamIdBits(), 16, 0, 32);
        boolean ats = orOn(names.ats());
        boolean nestedAts = needs("nestedAts", names.nestedAts(), "ats, stage1 and stage2", ats && both);
        boolean pri = needs("pri", names.pri(), "ats", ats);
        int stallModel = among("stallModel", names.stallModel(), STALL_MODELS, "both");
        boolean stalls = stallModel != SmmuCapabilities.TERMINATE_ONLY;
        boolean overrides = orOn(names.attributeOverride());
        int pasidBits = between("pasidBits", names.pasidBits(), stage1 ? 16 : 0, 0, stage1 ? 20 : 0);
        var granules = granules(names.granules());
        int outputBits = outputBits(names.outputBits(), granules);

        long idr0 = flag(Idr0.S2P, stage2)
                | flag(Idr0.S1P, stage1)
                | Idr0.TTF.of(2)
                | flag(Idr0.COHACC, true)
                | Idr0.HTTU.of(among("httu", names.httu(), HTTUS, "dirty"))
                | flag(Idr0.HYP, needs("hyp", names.hyp(), "stage1 and stage2", both))
                | flag(Idr0.ATS, ats)
                | flag(Idr0.NS1ATS, ats && both && !nestedAts)
                | flag(Idr0.ASID16, needs("asid16", names.asid16(), "stage1", stage1))
                | flag(Idr0.MSI, orOn(names.msi()))
                | flag(Idr0.SEV, orOff(names.sev()))
                | flag(Idr0.PRI, pri)
                | flag(Idr0.VMID16, needs("vmid16", names.vmid16(), "stage2", stage2))
                | flag(Idr0.CD2L, needs("twoLevelCd", names.twoLevelCd(), "stage1", stage1))
                | Idr0.TTENDIAN.of(Idr0.LITTLE_ENDIAN)
                | Idr0.STALL_MODEL.of(stallModel)
                | flag(Idr0.TERM_MODEL, orOff(names.termModel()))
                | Idr0.ST_LEVEL.of(twoLevelStreamTable(names.twoLevelStreamTable(), streamIdBits) ? 1 : 0);
        long idr1 = Idr1.SIDSIZE.of(streamIdBits)
                | Idr1.SSIDSIZE.of(pasidBits)
                | Idr1.PRIQS.of(queue("pageRequestQueueBits", names.pageRequestQueueBits()))
                | Idr1.EVENTQS.of(queue("eventQueueBits", names.eventQueueBits()))
                | Idr1.CMDQS.of(queue("commandQueueBits", names.commandQueueBits()))
                | flag(Idr1.ATTR_PERMS_OVR, overrides)
                | flag(Idr1.ATTR_TYPES_OVR, overrides);
        long idr3 = flag(Idr3.HAD, stage1)
                | flag(Idr3.XNX, needs("xnx", names.xnx(), "stage2", stage2))
                | flag(Idr3.PPS, pri && pasidBits > 0)
                | flag(Idr3.FWB, needs("forceWriteBack", names.forceWriteBack(), "stage2", stage2, minor >= 2))
                | flag(Idr3.STT, orOff(names.smallTables()))
                | flag(Idr3.RIL, names.rangeInvalidation() == null ? minor >= 2 : names.rangeInvalidation())
                | Idr3.BBML.of(minor >= 2 ? 2 : 0)
                | flag(Idr3.E0PD, needs("e0pd", names.e0pd(), "stage1", stage1, minor >= 3))
                | flag(Idr3.PTWNNC, minor >= 3 && stage2);
        int stallMax = between("stallMax", names.stallMax(), stalls ? 64 : 0, 0, stalls ? LARGEST_STALL_MAX : 0);
        long idr5 = Idr5.OAS.of(SmmuCapabilities.encodedAddressBits(outputBits))
                | flag(Idr5.GRAN4K, granules.contains(0x1000L))
                | flag(Idr5.GRAN16K, granules.contains(0x4000L))
                | flag(Idr5.GRAN64K, granules.contains(0x10000L))
                | Idr5.VAX.of(outputBits == 52 ? 1 : 0)
                | Idr5.STALL_MAX.of(stallMax);
        return new SmmuCapabilities(idr0, idr1, 0, idr3, idr5, minor);
    }

    private static boolean twoLevelStreamTable(@Nullable Boolean asked, int streamIdBits) {
        if (Boolean.FALSE.equals(asked) && streamIdBits >= LEAST_STREAM_BITS_OF_TWO_LEVELS) {
            throw refused("twoLevelStreamTable", false, "true for StreamIDs of " + streamIdBits + " bits");
        }
        return orOn(asked);
    }

    private static List<Long> granules(@Nullable List<Long> asked) {
        if (asked == null) {
            return GRANULES;
        }
        if (asked.isEmpty() || !GRANULES.containsAll(asked)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "granules must hold one or more of 0x1000, 0x4000 and 0x10000",
                    Map.of("capability", "granules"));
        }
        return asked;
    }

    private static int outputBits(@Nullable Integer asked, List<Long> granules) {
        int bits = asked == null ? 48 : asked;
        if (!OUTPUT_BITS.contains(bits)) {
            throw refused("outputBits", bits, "one of " + OUTPUT_BITS);
        }
        if (bits == 52 && !granules.contains(0x10000L)) {
            throw refused("outputBits", bits, "48 at most without the granule 0x10000");
        }
        return bits;
    }

    private static int queue(String name, @Nullable Integer asked) {
        return between(name, asked, LARGEST_QUEUE, 0, LARGEST_QUEUE);
    }

    private static boolean orOn(@Nullable Boolean asked) {
        return asked == null || asked;
    }

    private static boolean orOff(@Nullable Boolean asked) {
        return asked != null && asked;
    }

    private static long flag(BitField field, boolean on) {
        return on ? field.mask() : 0;
    }

    private static boolean needs(String name, @Nullable Boolean asked, String other, boolean otherIsOn) {
        return needs(name, asked, other, otherIsOn, true);
    }

    /** @param byDefault whether it is there if nothing is said, and the other is on */
    private static boolean needs(
            String name, @Nullable Boolean asked, String other, boolean otherIsOn, boolean byDefault) {
        if (Boolean.TRUE.equals(asked) && !otherIsOn) {
            throw new RefusedException(
                    Errno.EINVAL, name + " needs " + other + ", which is off", Map.of("capability", name));
        }
        return asked == null ? otherIsOn && byDefault : asked;
    }

    private static int between(String name, @Nullable Integer asked, int byDefault, int least, int most) {
        int chosen = asked == null ? byDefault : asked;
        if (chosen < least || chosen > most) {
            throw refused(name, chosen, least + " to " + most + " with the other capabilities as they are");
        }
        return chosen;
    }

    private static int among(String name, @Nullable String asked, List<String> choices, String byDefault) {
        var chosen = asked == null ? byDefault : asked;
        if (!choices.contains(chosen)) {
            throw refused(name, "'" + chosen + "'", "one of " + choices);
        }
        return choices.indexOf(chosen);
    }

    private static RefusedException refused(String name, Object value, String expected) {
        return new RefusedException(
                Errno.EINVAL, name + " is " + value + ", expected " + expected, Map.of("capability", name));
    }
}
