package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.BitField;
import java.util.List;
import java.util.Map;

/** Identification registers as a user gives them, and which of their values are refused. */
final class RawSmmuCapabilities {
    private static final List<String> REGISTERS =
            List.of("IDR0", "IDR1", "IDR2", "IDR3", "IDR4", "IDR5", "IIDR", "AIDR");
    private static final List<String> NEEDED = List.of("IDR0", "IDR1", "IDR5");
    private static final long DEFAULT_AIDR = 2;
    private static final int LEAST_STREAM_BITS_OF_TWO_LEVELS = 7;
    private static final String NOT_MODELLED = "0: it is not modelled";

    // spotless:off  columns are the point
    private static final List<BitField> ABSENT_1 = List.of(Idr1.QUEUES_PRESET, Idr1.TABLES_PRESET, Idr1.ECMDQ);
    private static final List<BitField> ABSENT_3 = List.of(
            Idr3.DPT, Idr3.PASIDTT, Idr3.EPAN, Idr3.S1PI, Idr3.S2PI, Idr3.S2PO, Idr3.THE, Idr3.MTEPERM, Idr3.AIE);
    private static final List<BitField> ABSENT_5 = List.of(Idr5.DS, Idr5.D128);
    // spotless:on

    private RawSmmuCapabilities() {}

    static SmmuCapabilities of(Map<String, Long> registers) {
        registers.forEach(RawSmmuCapabilities::checkRegister);
        for (var name : NEEDED) {
            if (!registers.containsKey(name)) {
                throw new RefusedException(
                        Errno.EINVAL, "raw capabilities need IDR0, IDR1 and IDR5", Map.of("capability", name));
            }
        }
        var raw = new SmmuCapabilities(
                registers.getOrDefault("IDR0", 0L),
                registers.getOrDefault("IDR1", 0L),
                registers.getOrDefault("IDR2", 0L),
                registers.getOrDefault("IDR3", 0L),
                registers.getOrDefault("IDR5", 0L),
                registers.getOrDefault("AIDR", DEFAULT_AIDR));
        checkVersion(raw.aidr());
        checkIdr0(raw.idr0());
        checkIdr1(raw.idr1(), raw.twoLevelStreamTable());
        checkAbsent("IDR3", raw.idr3(), ABSENT_3);
        checkIdr5(raw.idr5());
        return raw;
    }

    private static void checkRegister(String name, long value) {
        if (!REGISTERS.contains(name)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "there is no register '" + name + "' among the capabilities; there are " + REGISTERS,
                    Map.of("capability", name));
        }
        if (value >>> 32 != 0) {
            throw refused(name, value, "32 bits");
        }
    }

    private static void checkVersion(long aidr) {
        if (aidr < 1 || aidr > 3) {
            throw refused("AIDR", aidr, "1 to 3: SMMUv3.1 to SMMUv3.3");
        }
    }

    private static void checkIdr0(long idr0) {
        if (!Idr0.S1P.isSet(idr0) && !Idr0.S2P.isSet(idr0)) {
            throw refused("IDR0.S1P and IDR0.S2P", 0, "1 in one at least");
        }
        check("IDR0", Idr0.TTF, idr0, "2 or 3: with VMSAv8-64 tables", 2, 3);
        check("IDR0", Idr0.HTTU, idr0, "0 to 2", 0, 2);
        long endian = Idr0.TTENDIAN.get(idr0);
        if (endian != Idr0.BIG_OR_LITTLE_ENDIAN && endian != Idr0.LITTLE_ENDIAN) {
            throw refused("IDR0.TTENDIAN", endian, "0 or 2: with little-endian tables");
        }
        check("IDR0", Idr0.STALL_MODEL, idr0, "0 to 2", 0, 2);
        check("IDR0", Idr0.ST_LEVEL, idr0, "0 or 1", 0, 1);
    }

    private static void checkIdr1(long idr1, boolean twoLevelStreamTable) {
        check("IDR1", Idr1.SIDSIZE, idr1, "0 to 32", 0, 32);
        if (!twoLevelStreamTable) {
            int most = LEAST_STREAM_BITS_OF_TWO_LEVELS - 1;
            check("IDR1", Idr1.SIDSIZE, idr1, "0 to 6 without two-level Stream tables (IDR0.ST_LEVEL)", 0, most);
        }
        check("IDR1", Idr1.SSIDSIZE, idr1, "0 to 20", 0, 20);
        check("IDR1", Idr1.PRIQS, idr1, "0 to 19", 0, 19);
        check("IDR1", Idr1.EVENTQS, idr1, "0 to 19", 0, 19);
        check("IDR1", Idr1.CMDQS, idr1, "0 to 19", 0, 19);
        checkAbsent("IDR1", idr1, ABSENT_1);
    }

    private static void checkIdr5(long idr5) {
        if (!Idr5.GRAN4K.isSet(idr5) && !Idr5.GRAN16K.isSet(idr5) && !Idr5.GRAN64K.isSet(idr5)) {
            throw refused("IDR5.GRAN4K, IDR5.GRAN16K and IDR5.GRAN64K", 0, "1 in one at least");
        }
        check("IDR5", Idr5.VAX, idr5, "0 or 1", 0, 1);
        if (Idr5.VAX.isSet(idr5) && !Idr5.GRAN64K.isSet(idr5)) {
            throw refused("IDR5.VAX", 1, "0 without the 64 KiB granule");
        }
        checkAbsent("IDR5", idr5, ABSENT_5);
    }

    private static void checkAbsent(String register, long word, List<BitField> fields) {
        for (var field : fields) {
            check(register, field, word, NOT_MODELLED, 0, 0);
        }
    }

    private static void check(String register, BitField field, long word, String expected, int least, int most) {
        long value = field.get(word);
        if (value < least || value > most) {
            throw refused(register + "." + field.name(), value, expected);
        }
    }

    private static RefusedException refused(String field, long value, String expected) {
        return new RefusedException(
                Errno.EINVAL, field + " is " + value + ", expected " + expected, Map.of("capability", field));
    }
}
