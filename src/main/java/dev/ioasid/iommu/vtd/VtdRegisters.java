package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/**
 * The registers of a unit by architectural name, with their side effects. VT-d 5.10, chapter 11.4.
 *
 * <p>Any thread may call. Writes are serialized by the object's lock; {@link #mode} is read without one, so a translation sees
 * the whole of one latched RTADDR together with TES.
 */
final class VtdRegisters {
    /** In {@link #mode}: translation is enabled. A bit that RTADDR does not have. */
    static final long ENABLED = 1;

    private static final long KEPT_COMMANDS = Gcmd.TE.mask() | Gcmd.QIE.mask() | Gcmd.IRE.mask() | Gcmd.CFI.mask();
    private static final String FRCD = "FRCD";
    private static final String LOW = "_LO";
    private static final String HIGH = "_HI";

    private final VtdCapabilities capabilities;
    private final FaultLog faults;
    private long rtaddr;
    private long latched;
    private long status;
    private long eventData;
    private long eventAddress;
    private long eventUpperAddress;
    private volatile long mode;

    VtdRegisters(VtdCapabilities capabilities, FaultLog faults) {
        this.capabilities = capabilities;
        this.faults = faults;
    }

    /** The latched RTADDR, and {@link #ENABLED}. */
    long mode() {
        return mode;
    }

    synchronized SequencedMap<String, Long> all() {
        var all = new LinkedHashMap<String, Long>();
        all.put("VER", (long) capabilities.version());
        all.put("CAP", capabilities.cap());
        all.put("ECAP", capabilities.ecap());
        all.put("GSTS", status);
        all.put("RTADDR", rtaddr);
        all.put("FSTS", faults.status());
        all.put("FECTL", faults.eventControl());
        all.put("FEDATA", eventData);
        all.put("FEADDR", eventAddress);
        all.put("FEUADDR", eventUpperAddress);
        for (int record = 0; record < faults.records(); record++) {
            all.put(FRCD + record + LOW, faults.low(record));
            all.put(FRCD + record + HIGH, faults.high(record));
        }
        return all;
    }

    synchronized void write(SequencedMap<String, Long> values) {
        values.forEach(this::check);
        values.forEach(this::write);
    }

    private void check(String name, long value) {
        boolean wide = switch (name) {
            case "GCMD", "FSTS", "FECTL", "FEDATA", "FEADDR", "FEUADDR" -> false;
            case "RTADDR" -> true;
            case "VER", "CAP", "ECAP", "GSTS" -> throw readOnly(name);
            default -> {
                if (recordOf(name) < 0) {
                    throw new RefusedException(
                            Errno.EINVAL,
                            "there is no register '" + name
                                    + "'; GCMD, RTADDR, FSTS, FECTL, FEDATA, FEADDR, FEUADDR and " + "FRCD0_HI to FRCD"
                                    + (faults.records() - 1) + "_HI can be written",
                            Map.of("register", name));
                }
                if (name.endsWith(LOW)) {
                    throw readOnly(name);
                }
                yield true;
            }
        };
        if (!wide && value >>> 32 != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    name + " has 32 bits, 0x" + Long.toHexString(value) + " has more",
                    Map.of("register", name));
        }
    }

    private static RefusedException readOnly(String name) {
        return new RefusedException(Errno.EINVAL, name + " is read-only", Map.of("register", name));
    }

    private void write(String name, long value) {
        switch (name) {
            case "GCMD" -> command(value);
            case "RTADDR" -> rtaddr = value & ~Rtaddr.LAYOUT.reserved(0);
            case "FSTS" -> faults.writeStatus(value);
            case "FECTL" -> faults.writeEventControl(value);
            case "FEDATA" -> eventData = value;
            case "FEADDR" -> eventAddress = value & ~3L;
            case "FEUADDR" -> eventUpperAddress = value;
            default -> faults.writeHigh(recordOf(name), value);
        }
    }

    /** GCMD holds what software wants to be on; SRTP and SIRTP act once. */
    private void command(long value) {
        long kept = value & KEPT_COMMANDS;
        if (!capabilities.has(Ecap.QI)) {
            kept &= ~Gcmd.QIE.mask();
        }
        if (!capabilities.has(Ecap.IR)) {
            kept &= ~(Gcmd.IRE.mask() | Gcmd.CFI.mask());
        }
        long once = status & (Gcmd.SRTP.mask() | Gcmd.SIRTP.mask());
        if (Gcmd.SRTP.isSet(value)) {
            latched = rtaddr;
            once |= Gcmd.SRTP.mask();
        }
        if (Gcmd.SIRTP.isSet(value) && capabilities.has(Ecap.IR)) {
            once |= Gcmd.SIRTP.mask();
        }
        status = kept | once;
        if (!Gcmd.TE.isSet(status) && !Gcmd.IRE.isSet(status)) {
            faults.restart();
        }
        mode = latched | (Gcmd.TE.isSet(status) ? ENABLED : 0);
    }

    /** The index in FRCDn_LO or FRCDn_HI; -1 if the name is none. */
    private int recordOf(String name) {
        if (!name.startsWith(FRCD) || !name.endsWith(LOW) && !name.endsWith(HIGH)) {
            return -1;
        }
        var digits = name.substring(FRCD.length(), name.length() - LOW.length());
        if (!digits.matches("0|[1-9][0-9]{0,2}")) {
            return -1;
        }
        int record = Integer.parseInt(digits);
        return record < faults.records() ? record : -1;
    }
}
