package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Disturbances;
import dev.ioasid.iommu.PageRequest;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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
    private static final Set<String> QUEUE_REGISTERS =
            Set.of("IQH", "IQT", "IQA", "ICS", "IECTL", "IEDATA", "IEADDR", "IEUADDR", "IQERCD");
    private static final Set<String> PAGE_REQUEST_REGISTERS =
            Set.of("PQH", "PQT", "PQA", "PRS", "PECTL", "PEDATA", "PEADDR", "PEUADDR");
    private static final String FRCD = "FRCD";
    private static final String LOW = "_LO";
    private static final String HIGH = "_HI";

    private final VtdCapabilities capabilities;
    private final FaultLog faults;
    private final VtdCaches caches;
    private final InvalidationQueue queue;
    private final InvalidationEvent invalidationEvent;
    private final PageRequestQueue pageRequests;
    private long rtaddr;
    private long latched;
    private long status;
    private long eventData;
    private long eventAddress;
    private long eventUpperAddress;
    private long invalidationData;
    private long invalidationAddress;
    private long invalidationUpperAddress;
    private long pageRequestData;
    private long pageRequestAddress;
    private long pageRequestUpperAddress;
    private volatile long mode;

    VtdRegisters(
            VtdCapabilities capabilities,
            FaultLog faults,
            VtdCaches caches,
            InvalidationQueue queue,
            InvalidationEvent invalidationEvent,
            PageRequestQueue pageRequests) {
        this.capabilities = capabilities;
        this.faults = faults;
        this.caches = caches;
        this.queue = queue;
        this.invalidationEvent = invalidationEvent;
        this.pageRequests = pageRequests;
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
        if (capabilities.has(Ecap.QI)) {
            all.put("IQH", queue.head());
            all.put("IQT", queue.tail());
            all.put("IQA", queue.address());
            all.put("ICS", invalidationEvent.status());
            all.put("IECTL", invalidationEvent.control());
            all.put("IEDATA", invalidationData);
            all.put("IEADDR", invalidationAddress);
            all.put("IEUADDR", invalidationUpperAddress);
            all.put("IQERCD", queue.error());
        }
        if (capabilities.has(Ecap.PRS)) {
            all.put("PQH", pageRequests.head());
            all.put("PQT", pageRequests.tail());
            all.put("PQA", pageRequests.address());
            all.put("PRS", pageRequests.event().status());
            all.put("PECTL", pageRequests.event().control());
            all.put("PEDATA", pageRequestData);
            all.put("PEADDR", pageRequestAddress);
            all.put("PEUADDR", pageRequestUpperAddress);
        }
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

    /** Does a descriptor as if it had come through the queue. Null: done. */
    synchronized @Nullable QueueError submit(long w0, long w1, long w2, long w3) {
        return queue.submit(w0, w1, w2, w3);
    }

    /** See {@link Disturbances#fillsPageRequests}. */
    synchronized void disturb(Disturbances by) {
        pageRequests.disturb(by);
    }

    /** Puts a page request into its queue; false if it is lost. */
    synchronized boolean add(PageRequest request) {
        return pageRequests.add(request);
    }

    /** PRS.PRO. */
    synchronized boolean losesPageRequests() {
        return pageRequests.event().overflowed();
    }

    /** Bytes of a descriptor of the queue. */
    synchronized int commandSize() {
        return queue.descriptorSize();
    }

    private void check(String name, long value) {
        if (QUEUE_REGISTERS.contains(name) && !capabilities.has(Ecap.QI)) {
            throw absent(name, ": this unit has no invalidation queue (ECAP.QI)");
        }
        if (PAGE_REQUEST_REGISTERS.contains(name) && !capabilities.has(Ecap.PRS)) {
            throw absent(name, ": this unit takes no page requests (ECAP.PRS)");
        }
        boolean wide = switch (name) {
            case "GCMD", "FSTS", "FECTL", "FEDATA", "FEADDR", "FEUADDR" -> false;
            case "ICS", "IECTL", "IEDATA", "IEADDR", "IEUADDR" -> false;
            case "PRS", "PECTL", "PEDATA", "PEADDR", "PEUADDR" -> false;
            case "RTADDR", "IQT", "IQA", "PQH", "PQT", "PQA" -> true;
            case "VER", "CAP", "ECAP", "GSTS", "IQH", "IQERCD" -> throw readOnly(name);
            default -> {
                if (recordOf(name) < 0) {
                    throw absent(
                            name,
                            "; GCMD, RTADDR, FSTS, FECTL, FEDATA, FEADDR, FEUADDR, IQT, IQA, ICS, IECTL, IEDATA, IEADDR, "
                                    + "IEUADDR, PQH, PQT, PQA, PRS, PECTL, PEDATA, PEADDR, PEUADDR and FRCD0_HI to FRCD"
                                    + (faults.records() - 1) + "_HI can be written");
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

    private static RefusedException absent(String name, String why) {
        return new RefusedException(
                Errno.EINVAL, "there is no register '" + name + "'" + why, Map.of("register", name));
    }

    private static RefusedException readOnly(String name) {
        return new RefusedException(Errno.EINVAL, name + " is read-only", Map.of("register", name));
    }

    private void write(String name, long value) {
        switch (name) {
            case "GCMD" -> command(value);
            case "RTADDR" -> rtaddr = value & ~Rtaddr.LAYOUT.reserved(0);
            case "FSTS" -> {
                faults.writeStatus(value);
                queue.process();
            }
            case "FECTL" -> faults.writeEventControl(value);
            case "FEDATA" -> eventData = value;
            case "FEADDR" -> eventAddress = value & ~3L;
            case "FEUADDR" -> eventUpperAddress = value;
            case "IQT" -> queue.writeTail(value);
            case "IQA" -> queue.writeAddress(value);
            case "ICS" -> invalidationEvent.writeStatus(value);
            case "IECTL" -> invalidationEvent.writeControl(value);
            case "IEDATA" -> invalidationData = value;
            case "IEADDR" -> invalidationAddress = value & ~3L;
            case "IEUADDR" -> invalidationUpperAddress = value;
            case "PQH" -> pageRequests.writeHead(value);
            case "PQT" -> pageRequests.writeTail(value);
            case "PQA" -> pageRequests.writeAddress(value);
            case "PRS" -> pageRequests.event().writeStatus(value);
            case "PECTL" -> pageRequests.event().writeControl(value);
            case "PEDATA" -> pageRequestData = value;
            case "PEADDR" -> pageRequestAddress = value & ~3L;
            case "PEUADDR" -> pageRequestUpperAddress = value;
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
        boolean wasOn = Gcmd.TE.isSet(status);
        long once = status & (Gcmd.SRTP.mask() | Gcmd.SIRTP.mask());
        if (Gcmd.SRTP.isSet(value)) {
            latched = rtaddr;
            queue.setTranslationMode((int) Rtaddr.TTM.get(latched));
            once |= Gcmd.SRTP.mask();
        }
        if (Gcmd.SIRTP.isSet(value) && capabilities.has(Ecap.IR)) {
            once |= Gcmd.SIRTP.mask();
        }
        status = kept | once;
        if (!Gcmd.TE.isSet(status) && !Gcmd.IRE.isSet(status)) {
            faults.restart();
        }
        boolean isOn = Gcmd.TE.isSet(status);
        mode = latched | (isOn ? ENABLED : 0);
        boolean latchForgets = Gcmd.SRTP.isSet(value) && capabilities.hasCap(Cap.ESRTPS);
        if (latchForgets || wasOn && !isOn && capabilities.has(Ecap.SMTS)) {
            caches.forgetAll();
        }
        queue.setEnabled(Gcmd.QIE.isSet(status));
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
