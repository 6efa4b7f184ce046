package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * A VT-d unit and 16 MiB of memory whose words a test writes by hand, bit for bit. Numbers in texts are hexadecimal.
 *
 * <p>{@link #translate} asks a unit that was just switched on, so that what a test has edited is what the unit reads.
 */
final class Bench implements AutoCloseable {
    /** 48 bits, all page sizes, 16-bit domain ids, 8 fault records: the profile of the specification's examples. */
    static final long CAP = 0x91D2078C226F0606L;

    static final long ECAP = 0x0033ED9EA4000FC7L;

    /** Nothing backs addresses from here on. */
    static final long SIZE = 0x1000000;

    /** One megabyte that is no memory. */
    static final long HOLE = 0xa00000;

    private static final long SRTP = 1L << 30;
    private static final long TE = 1L << 31;
    private static final Pattern WORD = Pattern.compile("([0-9A-Fa-f]+): ([0-9A-Fa-f]{16})");
    private static final Pattern EDIT = Pattern.compile("([0-9A-Fa-f]+) +(=|or|without) +([0-9A-Fa-f_]+)");

    private final PhysicalMemory memory = new PhysicalMemory(SIZE, List.of(new AddressRange(HOLE, HOLE + 0xfffff)));
    private final Map<Long, Long> written = new TreeMap<>();

    long version = 0x60;
    long cap = CAP;
    long ecap = ECAP;
    int hostAddressWidth = 48;
    long rootTable;
    private long nextPage = 0x900000;

    /** A page for a table that nothing else uses: 900000, 901000, ... */
    long page() {
        nextPage += 0x1000;
        return nextPage - 0x1000;
    }

    PhysicalMemory memory() {
        return memory;
    }

    /** Writes every {@code address: word} of a listing; what else stands there is for the reader. */
    Bench words(String listing) {
        var matcher = WORD.matcher(listing);
        while (matcher.find()) {
            word(hex(matcher.group(1)), hex(matcher.group(2)));
        }
        return this;
    }

    Bench word(long address, long value) {
        written.put(address, value);
        memory.write(
                address,
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(value)
                        .array());
        return this;
    }

    long word(long address) {
        return ByteBuffer.wrap(memory.read(address, 8))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }

    /** Every word that was written, as it is now. */
    Map<Long, Long> snapshot() {
        var snapshot = new TreeMap<Long, Long>();
        written.keySet().forEach(address -> snapshot.put(address, word(address)));
        return snapshot;
    }

    /** Makes every word what it was; what was first written since then becomes zero. */
    void restore(Map<Long, Long> snapshot) {
        for (var address : List.copyOf(written.keySet())) {
            word(address, snapshot.getOrDefault(address, 0L));
        }
    }

    /** Words that are not what was written there, by address. */
    Map<Long, Long> changes() {
        var changes = new TreeMap<Long, Long>();
        written.forEach((address, value) -> {
            if (word(address) != value) {
                changes.put(address, word(address));
            }
        });
        return changes;
    }

    /**
     * Edits words and capabilities: {@code 202D10 = 203000, 204028 or 2000, 302488 without 2}. Beside addresses,
     * {@code CAP}, {@code ECAP}, {@code RTADDR}, {@code VER} and {@code HAW} may stand on the left.
     */
    Bench edit(String edits) {
        for (var edit : edits.split(",")) {
            if (!edit.isBlank()) {
                editOne(edit.strip());
            }
        }
        return this;
    }

    private void editOne(String edit) {
        var parts = edit.split(" +");
        if (parts.length != 3) {
            throw new IllegalArgumentException(edit);
        }
        long operand = hex(parts[2]);
        switch (parts[0]) {
            case "CAP" -> cap = apply(cap, parts[1], operand);
            case "ECAP" -> ecap = apply(ecap, parts[1], operand);
            case "RTADDR" -> rootTable = apply(rootTable, parts[1], operand);
            case "VER" -> version = apply(version, parts[1], operand);
            case "HAW" -> hostAddressWidth = Integer.parseInt(parts[2]);
            default -> {
                if (!EDIT.matcher(edit).matches()) {
                    throw new IllegalArgumentException(edit);
                }
                long address = hex(parts[0]);
                word(address, apply(word(address), parts[1], operand));
            }
        }
    }

    private static long apply(long word, String operator, long operand) {
        return switch (operator) {
            case "=" -> operand;
            case "or" -> word | operand;
            case "without" -> word & ~operand;
            default -> throw new IllegalArgumentException(operator);
        };
    }

    /** A unit that has just been reset. */
    VtdHardware reset() {
        return new VtdHardware(
                memory, VtdCapabilities.raw(version, cap, ecap, hostAddressWidth), CacheGeometries.DEFAULT);
    }

    /** A unit that translates by the root table. */
    VtdHardware on() {
        var hardware = reset();
        write(hardware, "RTADDR", rootTable);
        write(hardware, "GCMD", SRTP);
        write(hardware, "GCMD", TE);
        return hardware;
    }

    static void write(VtdHardware hardware, String register, long value) {
        var values = new LinkedHashMap<String, Long>();
        values.put(register, value);
        hardware.write(values);
    }

    static long read(VtdHardware hardware, String register) {
        var value = hardware.registers().get(register);
        if (value == null) {
            throw new AssertionError("no register " + register + " in " + hardware.registers());
        }
        return value;
    }

    Translation translate(DmaRequest request) {
        return on().translate(request);
    }

    /** Translates and says how, see {@link #text}. */
    String ask(DmaRequest request) {
        return text(translate(request));
    }

    String ask(String request) {
        return ask(request(request));
    }

    /**
     * Reads {@code 3A11 pasid 1234 privileged read 555512345678}; the pasid and the privilege may be left out. {@code ask} makes it a
     * translation request, {@code ask-nw} one without the wish to write, {@code translated} a translated request.
     */
    static DmaRequest request(String text) {
        var words = List.of(text.strip().split(" +"));
        int pasid = words.contains("pasid") ? (int) hex(words.get(words.indexOf("pasid") + 1)) : DmaRequest.NO_PASID;
        boolean asks = words.contains("ask") || words.contains("ask-nw");
        var access = asks ? "read" : words.get(words.size() - 2);
        return new DmaRequest(
                Rid.ofSourceId(0, (int) hex(words.getFirst())),
                pasid,
                hex(words.getLast()),
                Access.valueOf(access.toUpperCase(Locale.ROOT)),
                words.contains("privileged"),
                asks
                        ? DmaRequest.Kind.TRANSLATION_REQUEST
                        : words.contains("translated") ? DmaRequest.Kind.TRANSLATED : DmaRequest.Kind.UNTRANSLATED,
                words.contains("ask-nw"));
    }

    /** Says {@code 88764CDEF 2M rw} or {@code fault 85}. */
    static String text(Translation translation) {
        return switch (translation) {
            case Translation.Translated page ->
                "%X %s %s".formatted(page.address(), size(page.pageSize()), rights(page.permissions()));
            case Translation.Faulted faulted ->
                "fault %X".formatted(faulted.fault().code());
            case Translation.Stalled stalled ->
                "stalled %X".formatted(stalled.fault().code());
            case Translation.Completed completed -> completion(completed);
        };
    }

    /** {@code success 0000007F12345003}, {@code success 0 (59)}, or {@code CA (5A)}. */
    private static String completion(Translation.Completed completed) {
        var fault = completed.fault();
        var why = fault == null ? "" : " (%X)".formatted(fault.code());
        return switch (completed.status()) {
            case SUCCESS -> "success %X".formatted(completed.word()) + why;
            case UNSUPPORTED_REQUEST -> "UR" + why;
            case COMPLETER_ABORT -> "CA" + why;
        };
    }

    /** The fault of a request that must fault. */
    static Fault fault(Translation translation) {
        if (translation instanceof Translation.Faulted faulted) {
            return faulted.fault();
        }
        throw new AssertionError("expected a fault, but was " + text(translation));
    }

    private static String size(long pageSize) {
        return switch (Long.numberOfTrailingZeros(pageSize)) {
            case 12 -> "4K";
            case 21 -> "2M";
            case 30 -> "1G";
            default -> Long.toHexString(pageSize);
        };
    }

    private static String rights(Permissions permissions) {
        return (permissions.read() ? "r" : "") + (permissions.write() ? "w" : "");
    }

    /** {@code 2007F0=201103 201240=202103}, by address. */
    static String text(Map<Long, Long> words) {
        var text = new StringJoiner(" ");
        words.forEach((address, word) -> text.add("%X=%X".formatted(address, word)));
        return text.toString();
    }

    /** FRCD bits 63:0: the page, of which as many bits are kept as the widest second-stage input has. */
    static long recordLow(long iova, int addressBits) {
        return iova & -1L >>> 64 - addressBits & ~0xfffL;
    }

    /** FRCD bits 127:64. */
    static long recordHigh(DmaRequest request, int code) {
        long high = request.rid().sourceId() | (long) code << 32 | 1L << 63; // SID, FR, F
        if (request.access() != Access.WRITE) {
            high |= 1L << 62; // T1
        }
        if (request.hasPasid()) {
            high |= 1L << 31 | (long) request.pasid() << 40; // PP, PV
            high |= request.privileged() ? 1L << 29 : 0; // PRIV
            high |= request.access() == Access.EXECUTE ? 1L << 30 : 0; // EXE
        }
        return high;
    }

    static long hex(String text) {
        return Long.parseUnsignedLong(text.replace("_", ""), 16);
    }

    @Override
    public void close() {
        memory.close();
    }
}
