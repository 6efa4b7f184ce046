package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Translation requests and translated transactions. The tables are those of the worked examples: StreamID 0x21 has stage 1 with
 * SubstreamIDs, 0x22 stage 2, 0x23 both. All numbers are hexadecimal. IHI 0070, sections 3.9.1, 5.2 (EATS), 7.3.6 and 7.3.8.
 */
class SmmuAtsTest {
    private static final long EVENT_QUEUE = 0xb000_0004L;
    private static final String TABLES = """
            80000840 500000008001001b
            80000848 00001000100000d4
            80000850 0000000000000007
            80010000 0000000080020001
            80020140 0025e205c0003510
            80020148 0000000080100000
            801007f8 0000000080101003
            80101578 0000000080102003
            80102378 0000000080103003
            80102380 0060000140000fc1
            80103788 0060000123456f43
            80103790 0060000123457b43
            80000880 000000000000000d
            80000888 0000100010000000
            80000890 040d355800000011
            80000898 0000000080200000
            80201008 0000000080202003
            80202158 0000000080203003
            802033c0 00400009abcde77f
            800008c0 180000004000100f
            800008c8 00001000200000d4
            800008d0 040d355800000011
            800008d8 0000000080200000
            80200008 0000000080204003
            80204000 00400000900007fd
            80204400 0000000080205003
            80205918 00400000a5a5a77f
            90001140 0031e205c0003519
            90001148 0000000040010000
            90010240 0000000040011003
            90011d10 0000000040012003
            90012b38 0060000050123f43
            90012b50 0060000050123fc3
            """;

    private final PhysicalMemory memory = new PhysicalMemory(0xc000_0000L);
    private final SmmuHardware hardware;

    SmmuAtsTest() {
        TABLES.lines().map(line -> line.split(" ")).forEach(word -> store(hex(word[0]), hex(word[1])));
        var registers = new LinkedHashMap<>(SmmuCapabilities.DEFAULT.registers());
        registers.remove("IIDR");
        registers.put("IDR0", registers.getOrDefault("IDR0", 0L) & ~Idr0.NS1ATS.mask() | Idr0.ATSRECERR.mask());
        hardware = new SmmuHardware(memory, SmmuCapabilities.raw(registers), SmmuCacheGeometries.DEFAULT);
        write("CR2", 2);
        write("EVENTQ_BASE", EVENT_QUEUE);
        write("STRTAB_BASE", 0x4000000080000000L);
        write("STRTAB_BASE_CFG", 8);
        write("CR0", 0x1d); // SMMUEN, EVENTQEN, CMDQEN, ATSCHK
    }

    private void store(long address, long word) {
        memory.commit(AddressRange.of(address, Long.BYTES));
        memory.release(address, word);
    }

    private void write(String register, long value) {
        var values = new LinkedHashMap<String, Long>();
        values.put(register, value);
        hardware.write(values);
    }

    private static long hex(String text) {
        return Long.parseUnsignedLong(text, 16);
    }

    /** {@code 21/5 ask 1234}, {@code 21/5 ask-nw 1234} or {@code 21 translated-write 1234}. */
    private Translation answer(String text) {
        var parts = text.split(" ");
        var ids = parts[0].split("/");
        boolean asks = parts[1].startsWith("ask");
        return hardware.translate(new DmaRequest(
                Rid.ofSourceId(0, (int) hex(ids[0])),
                ids.length == 1 ? DmaRequest.NO_PASID : (int) hex(ids[1]),
                hex(parts[2]),
                asks ? Access.READ : Access.valueOf(parts[1].split("-")[1].toUpperCase(Locale.ROOT)),
                false,
                asks ? DmaRequest.Kind.TRANSLATION_REQUEST : DmaRequest.Kind.TRANSLATED,
                parts[1].equals("ask-nw")));
    }

    private static String text(Translation translation) {
        return switch (translation) {
            case Translation.Translated page -> Long.toHexString(page.address());
            case Translation.Faulted(var fault) -> "fault %x".formatted(fault.code());
            case Translation.Stalled stalled ->
                "stalled %x".formatted(stalled.fault().code());
            case Translation.Completed completed -> {
                var fault = completed.fault();
                var why = fault == null ? "" : " %x".formatted(fault.code());
                yield switch (completed.status()) {
                    case SUCCESS -> "success %x".formatted(completed.word()) + why;
                    case UNSUPPORTED_REQUEST -> "UR" + why;
                    case COMPLETER_ABORT -> "CA" + why;
                };
            }
        };
    }

    private String recorded() {
        return hardware.faults().stream()
                .map(record -> record.words().stream().map("%016x"::formatted).collect(Collectors.joining(" ")))
                .collect(Collectors.joining(", "));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                         | edits                        | request                        | answer               | recorded
            page of both rights          |                              | 21/5 ask 7fabcdef1000          | success 123456003    |
            no right to write asked for  |                              | 21/5 ask-nw 7fabcdef1000       | success 123456001    |
            2 MB block, read-only        |                              | 21/5 ask 7fabce012000          | success 1400ff801    |
            no descriptor                |                              | 21/5 ask 7fabcdef6000          | success 0 10         |
            AF=0                         |                              | 21/5 ask 7fabcdef2000          | success 0 12         |
            EATS=00                      | 80000848 = 1000000000d4      | 21/5 ask 7fabcdef1000          | UR 5                 | 0000002100005805 00000000c0000001 00007fabcdef1000 0000000000000000
            EATS=00, NW                  | 80000848 = 1000000000d4      | 21/5 ask-nw 7fabcdef1000       | UR 5                 | 0000002100005805 0000000080000001 00007fabcdef1000 0000000000000000
            bypass                       | 80000840 = 9                 | 21 ask 1000                    | UR 5                 | 0000002100000005 00000000c0000001 0000000000001000 0000000000000000
            Config=000                   | 80000840 = 1                 | 21 ask 1000                    | UR 0                 |
            SMMUEN=0                     | CR0 = c                      | 21 ask 1000                    | UR 5                 | 0000002100000005 00000000c0000001 0000000000001000 0000000000000000
            STE.V=0                      |                              | 25 ask 1000                    | CA 4                 |
            STE.V=0, REC_CFG_ATS         | CR0 = c, CR2 = a, CR0 = 1d   | 25 ask 1000                    | CA 4                 | 0000002500000004 0000000000000000 0000000000000000 0000000000000000
            no SubstreamID, S1DSS=00     |                              | 21 ask 1000                    | CA 6                 |
            CD.V=0                       |                              | 21/6 ask 1000                  | CA a                 |
            stage 2                      |                              | 22 ask 8045678000              | success 9abcde001    |
            both, split: an IPA          |                              | 23/5 ask 1234567000            | success 50123001     |
            both, split, no ATSCHK       | CR0 = d                      | 23/5 ask 1234567000            | UR 5                 | 0000002300005805 00000000c0000001 0000001234567000 0000000000000000
            both, full                   | 800008c8 = 1000100000d4      | 23/5 ask 1234567000            | success a5a5a001     |
            translated                   |                              | 21 translated-read 123456234   | 123456234            |
            translated, EATS=00          | 80000848 = 1000000000d4      | 21 translated-read 123456234   | fault 7              | 0000002100000007 0000000800000000 0000000123456234 0000000000000000
            translated write, EATS=00    | 80000848 = 1000000000d4      | 21 translated-write 123456234  | fault 7              | 0000002100000007 0000000000000000 0000000123456234 0000000000000000
            translated, no ATSCHK        | 80000848 = 1000000000d4, CR0 = d | 21 translated-read 123456234 | 123456234          |
            translated, SMMUEN=0         | CR0 = c                      | 21 translated-read 123456234   | fault 7              | 0000002100000007 0000000800000000 0000000123456234 0000000000000000
            translated, STE.V=0          |                              | 25 translated-read 1000        | fault 4              |
            translated, StreamID beyond  | CR0 = c, CR2 = 8, CR0 = 1d   | 100 translated-read 1000       | fault 2              | 0000010000000002 0000000000000000 0000000000000000 0000000000000000
            asked, StreamID beyond       | CR0 = c, CR2 = 8, CR0 = 1d   | 100 ask 1000                   | CA 2                 |
            translated, Config=000       | 80000840 = 1                 | 21 translated-read 1000        | fault 0              |
            translated, split: an IPA    |                              | 23 translated-read 50123890    | a5a5a890             |
            translated, split, S2 faults |                              | 23 translated-write 50123890   | fault 13             | 0000002300000013 0000028000000000 0000000050123890 0000000050123000
            """)
    void requests(String what, @Nullable String edits, String request, String answer, @Nullable String recorded) {
        for (var edit : edits == null ? new String[0] : edits.split(", ")) {
            var parts = edit.split(" ");
            if (parts[0].startsWith("CR")) {
                write(parts[0], hex(parts[2]));
            } else {
                store(hex(parts[0]), hex(parts[2]));
            }
        }
        assertThat(text(answer(request))).isEqualTo(answer);
        assertThat(recorded()).isEqualTo(recorded == null ? "" : recorded);
    }

    /** What a device has been told it uses, until it is asked to forget; the unit's own TLB does not matter to it. */
    @Test
    void aDeviceRemembersWhatItWasTold() {
        hardware.connect(new Requester(0x21, 20, true, false));
        assertThat(text(answer("21/5 ask 7fabcdef1000"))).isEqualTo("success 123456003");
        store(0x80103788L, 0);
        var tlbi = Commands.tlbiNhAsid(7, 0x25);
        hardware.submit(List.of(List.of(tlbi[0], tlbi[1])));
        assertThat(text(untranslated())).isEqualTo("123456234");
        var atc = Commands.atcInvCovering(0x21, 5, 0x7fabcdef1000L, 0x7fabcdef1fffL);
        hardware.submit(List.of(List.of(atc[0], atc[1])));
        assertThat(text(untranslated())).isEqualTo("fault 10");
    }

    private Translation untranslated() {
        return hardware.translate(new DmaRequest(Rid.ofSourceId(0, 0x21), 5, 0x7fabcdef1234L, Access.READ, false));
    }

    /** Whatever the StreamID is, a device's memory is listed under its own name, and its entries say whose they are. */
    @Test
    void aDeviceTlbIsNamedByItsDevice() {
        hardware.connect(new Requester(Rid.parse("0001:00:04.1"), 0x21, 20, true, false));
        hardware.connect(new Requester(Rid.parse("0000:00:04.1"), 0x77, 20, true, false));
        hardware.translate(new DmaRequest(
                Rid.parse("0001:00:04.1"),
                5,
                0x7fabcdef1000L,
                Access.READ,
                false,
                DmaRequest.Kind.TRANSLATION_REQUEST,
                false));
        assertThat(hardware.cached("device-tlb-0001:00:04.1"))
                .singleElement()
                .satisfies(entry -> assertThat(entry.rid()).isEqualTo(Rid.parse("0001:00:04.1")));
        assertThat(hardware.cached("device-tlb-00:04.1")).isEmpty();
    }
}
