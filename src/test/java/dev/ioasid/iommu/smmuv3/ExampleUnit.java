package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A unit with the tables of the worked examples: StreamID 0x21 has stage 1 with SubstreamIDs, of which CD 5 terminates and CD 7 stalls, 0x22
 * stage 2, 0x23 both. Numbers in text are hexadecimal.
 */
final class ExampleUnit implements AutoCloseable {
    static final long EVENT_QUEUE = 0xb000_0000L;
    static final long PRI_QUEUE = 0xb001_0000L;
    /** Where there is no memory from here on. */
    static final long END = 0xc000_0000L;

    private static final String TABLES = """
            80000840 500000008001001b
            80000848 00001000100000d4
            80000850 0000000000000007
            80010000 0000000080020001
            80020140 0025e205c0003510
            80020148 0000000080100000
            800201c0 0025f205c0003510
            800201c8 0000000080100000
            801007f8 0000000080101003
            80101578 0000000080102003
            80102378 0000000080103003
            80102380 0060000140000fc1
            80103788 0060000123456f43
            80103790 0060000123457b43
            80000880 000000000000000d
            80000888 0000100000000000
            80000890 040d355800000011
            80000898 0000000080200000
            80201008 0000000080202003
            80202158 0000000080203003
            80202160 0000000a000007fd
            802033c0 00400009abcde77f
            802033c8 00400100000057ff
            800008c0 180000004000100f
            800008c8 00001000200000d4
            800008d0 040d355800000011
            800008d8 0000000080200000
            80200008 0000000080204003
            80204000 00400000900007fd
            80204400 0000000080205003
            80205918 00400000a5a5a77f
            80205920 00400000a5a5b7ff
            90001140 0031e205c0003519
            90001148 0000000040010000
            90001180 0031ea05c0003519
            90001188 0000000040010000
            90010240 0000000040011003
            90011d10 0000000040012003
            90011d18 0000000060000003
            90012b38 0060000050123f43
            90012b48 0060000050125f43
            90012b60 0060000050124b43
            """;

    final PhysicalMemory memory = new PhysicalMemory(END);
    /** Runs when the unit has written a word that software is to find. */
    @Nullable
    Runnable whenWritten;

    final SmmuHardware hardware;

    ExampleUnit() {
        this(Map.of(), SmmuCacheGeometries.DEFAULT);
    }

    /** @param turned bits of capability registers that are other than a current server's, which has split-stage ATS and ATSRECERR here */
    ExampleUnit(Map<String, Long> turned, SmmuCacheGeometries caches) {
        TABLES.lines().map(line -> line.split(" ")).forEach(word -> store(hex(word[0]), hex(word[1])));
        var registers = new LinkedHashMap<>(SmmuCapabilities.DEFAULT.registers());
        registers.put("IDR0", registers.getOrDefault("IDR0", 0L) & ~Idr0.NS1ATS.mask() | Idr0.ATSRECERR.mask());
        turned.forEach((name, bits) -> registers.merge(name, bits, (before, other) -> before ^ other));
        hardware = new SmmuHardware(memory, SmmuCapabilities.raw(registers), caches, address -> {
            var then = whenWritten;
            whenWritten = null;
            if (then != null) {
                then.run();
            }
        });
        write("CR2=2 EVENTQ_BASE=b0000008 STRTAB_BASE=4000000080000000 STRTAB_BASE_CFG=8");
        if (hardware.capabilities().pri()) {
            write("PRIQ_BASE=b0010002");
        }
        write("CR0=1f"); // SMMUEN, PRIQEN, EVENTQEN, CMDQEN, ATSCHK
    }

    static long hex(String text) {
        return Long.parseUnsignedLong(text, 16);
    }

    void store(long address, long word) {
        memory.commit(AddressRange.of(address, Long.BYTES));
        memory.release(address, word);
    }

    /** {@code 80000848 = 1000000000d4, CR0 = c}: words of memory and registers, in order. */
    void edit(String edits) {
        for (var edit : edits.split(", ")) {
            var parts = edit.split(" = ");
            if (hardware.registers().containsKey(parts[0])) {
                write(parts[0] + "=" + parts[1]);
            } else {
                store(hex(parts[0]), hex(parts[1]));
            }
        }
    }

    /** {@code CR0=1f EVENTQ_CONS=1}, one after the other. */
    void write(String registers) {
        for (var part : registers.split(" ")) {
            var one = new LinkedHashMap<String, Long>();
            one.put(part.split("=")[0], hex(part.split("=")[1]));
            hardware.write(one);
        }
    }

    long register(String name) {
        return Objects.requireNonNull(hardware.registers().get(name));
    }

    void command(long[] words) {
        hardware.submit(List.of(List.of(words[0], words[1])));
    }

    /** {@code 21/5 read 1234}, {@code 22 privileged-execute 1234}, {@code 21/5 ask-read 1234}, {@code 21 translated-write 1234}. */
    static DmaRequest request(String text) {
        var parts = text.split(" ");
        var ids = parts[0].split("/");
        var how = List.of(parts[1].split("-"));
        return new DmaRequest(
                Rid.ofSourceId(0, (int) hex(ids[0])),
                ids.length == 1 ? DmaRequest.NO_PASID : (int) hex(ids[1]),
                hex(parts[2]),
                Access.valueOf(how.getLast().toUpperCase(Locale.ROOT)),
                how.contains("privileged"),
                how.contains("ask")
                        ? DmaRequest.Kind.TRANSLATION_REQUEST
                        : how.contains("translated") ? DmaRequest.Kind.TRANSLATED : DmaRequest.Kind.UNTRANSLATED,
                false);
    }

    Translation translate(String request) {
        return hardware.translate(request(request));
    }

    Translation.Stalled stall(String request) {
        return (Translation.Stalled) translate(request);
    }

    /** The words of what stands in the Event queue. */
    List<String> events() {
        return hardware.faults().stream()
                .map(record -> record.words().stream().map("%016x"::formatted).collect(Collectors.joining(" ")))
                .toList();
    }

    @Override
    public void close() {
        memory.close();
    }
}
