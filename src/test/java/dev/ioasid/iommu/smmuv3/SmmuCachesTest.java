package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Walked;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What a command has the unit forget, and what it does not. A request is answered, memory is edited, a command is given, and the request is
 * answered again: as before, or as memory is now. Stream 0x22 has stage 2 (VMID 0x11), 0x23 both (VMID 0x11, ASID 0x31 with SubstreamID 5), 0x21
 * stage 1 (VMID 7, ASID 0x25 with SubstreamID 5). All numbers are hexadecimal. IHI 0070, sections 3.17 and 4.4; chapter 16.
 */
class SmmuCachesTest {
    private static final String TABLES = """
            80000840 500000008001001b
            80000848 00001000000000d4
            80000850 0000000000000007
            80010000 0000000080020001
            80020140 0025e205c0003510
            80020148 0000000080100000
            801007f8 0000000080101003
            80101578 0000000080102003
            80102378 0000000080103003
            80103788 0060000123456f43
            80103790 0060000123457743
            80000880 000000000000000d
            80000888 0000100000000000
            80000890 040d355800000011
            80000898 0000000080200000
            80201008 0000000080202003
            80202158 0000000080203003
            802033c0 00400009abcde77f
            800008c0 180000004000100f
            800008c8 00001000000000d4
            800008d0 040d355800000011
            800008d8 0000000080200000
            80200008 0000000080204003
            80204000 00400000900007fd
            80204400 0000000080205003
            80205918 00400000a5a5a77f
            80205920 00400000a5a5b7ff
            90001140 0031e205c0003519
            90001148 0000000040010000
            90010240 0000000040011003
            90011d10 0000000040012003
            90011d28 0060000050000f41
            90012b38 0060000050123f43
            """;

    private final PhysicalMemory memory = new PhysicalMemory(0xc000_0000L);
    private final SmmuHardware hardware =
            new SmmuHardware(memory, SmmuCapabilities.DEFAULT, SmmuCacheGeometries.DEFAULT);

    SmmuCachesTest() {
        TABLES.lines().map(line -> line.split(" ")).forEach(word -> store(hex(word[0]), hex(word[1])));
        var registers = new LinkedHashMap<String, Long>();
        registers.put("STRTAB_BASE", 0x4000000080000000L);
        registers.put("STRTAB_BASE_CFG", 8L);
        registers.put("CR0", 1L);
        hardware.write(registers);
    }

    private void store(long address, long word) {
        memory.commit(AddressRange.of(address, Long.BYTES));
        memory.release(address, word);
    }

    private static long hex(String text) {
        return Long.parseUnsignedLong(text, 16);
    }

    private String read(String request) {
        var parts = request.split(" ");
        var ids = parts[0].split("/");
        long outcome = hardware.translate(
                (int) hex(ids[0]), ids.length == 1 ? -1 : (int) hex(ids[1]), hex(parts[1]), PageWalk.READ);
        return SmmuRefusal.is(outcome)
                ? "fault %x".formatted(outcome & 0xff)
                : Long.toHexString(Walked.address(outcome));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                              | request             | first     | edit         | command                            | then
            nothing given                     | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 |                                    | 123456234
            NH_ALL                            | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0000000700000010 0                 | fault 10
            NH_ALL of another VMID            | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0000000800000010 0                 | 123456234
            NH_ASID                           | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0025000700000011 0                 | fault 10
            NH_ASID of another ASID           | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0026000700000011 0                 | 123456234
            NH_ASID, a global page            | 21/5 7fabcdef2234   | 123457234 | 80103790 = 0 | 0025000700000011 0                 | 123457234
            NH_VA, a global page              | 21/5 7fabcdef2234   | 123457234 | 80103790 = 0 | 0099000700000012 00007fabcdef2001  | fault 10
            NH_VA                             | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0025000700000012 00007fabcdef1001  | fault 10
            NH_VA of another page             | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0025000700000012 00007fabcdef2001  | 123456234
            NH_VA, range of 16 KiB granules   | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0025000700001012 00007fabcdef0801  | 123456234
            NH_VA, range of two pages         | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0025000700001012 00007fabcdef0701  | fault 10
            NH_VAA                            | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0000000700000013 00007fabcdef1001  | fault 10
            S12_VMALL                         | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0000000700000028 0                 | fault 10
            NSNH_ALL                          | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0000000000000030 0                 | fault 10
            EL2_ALL                           | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0000000000000020 0                 | 123456234
            CFGI_CD does not reach the TLB    | 21/5 7fabcdef1234   | 123456234 | 80103788 = 0 | 0000002100005005 1                 | 123456234
            STE, nothing given                | 21/5 7fabcdef1234   | 123456234 | 80000840 = 1 |                                    | 123456234
            STE, CFGI_STE                     | 21/5 7fabcdef1234   | 123456234 | 80000840 = 1 | 0000002100000003 1                 | fault 0
            STE, CFGI_STE of another          | 21/5 7fabcdef1234   | 123456234 | 80000840 = 1 | 0000002000000003 1                 | 123456234
            STE, CFGI_STE_RANGE               | 21/5 7fabcdef1234   | 123456234 | 80000840 = 1 | 0000002000000004 4                 | fault 0
            STE, CFGI_ALL                     | 21/5 7fabcdef1234   | 123456234 | 80000840 = 1 | 0000000000000004 1f                | fault 0
            CD, CFGI_CD                       | 21/5 7fabcdef1234   | 123456234 | 80020140 = 0 | 0000002100005005 1                 | fault a
            CD, CFGI_CD of another            | 21/5 7fabcdef1234   | 123456234 | 80020140 = 0 | 0000002100006005 1                 | 123456234
            CD, CFGI_CD_ALL                   | 21/5 7fabcdef1234   | 123456234 | 80020140 = 0 | 0000002100000006 0                 | fault a
            CD, CFGI_STE                      | 21/5 7fabcdef1234   | 123456234 | 80020140 = 0 | 0000002100000003 1                 | fault a
            stage 2, S2_IPA                   | 22 80456789a8       | 9abcde9a8 | 802033c0 = 0 | 000000110000002a 0000008045678001  | fault 10
            stage 2, NH_ALL                   | 22 80456789a8       | 9abcde9a8 | 802033c0 = 0 | 0000001100000010 0                 | 9abcde9a8
            stage 2, S12_VMALL                | 22 80456789a8       | 9abcde9a8 | 802033c0 = 0 | 0000001100000028 0                 | fault 10
            both, S2_IPA does not reach it    | 23/5 1234567890     | a5a5a890  | 80205918 = 0 | 000000110000002a 0000000050123001  | a5a5a890
            both, NH_ALL                      | 23/5 1234567890     | a5a5a890  | 80205918 = 0 | 0000001100000010 0                 | fault 10
            block in pieces, its first page   | 23/5 1234b23abc     | a5a5aabc  | 90011d28 = 0 | 0031001100000012 0000001234a00001  | fault 10
            block in pieces, the next block   | 23/5 1234b23abc     | a5a5aabc  | 90011d28 = 0 | 0031001100000012 0000001234c00001  | a5a5aabc
            """)
    void whatACommandForgets(
            String what, String request, String first, String edit, @Nullable String command, String then) {
        assertThat(read(request)).isEqualTo(first);
        var parts = edit.split(" = ");
        store(hex(parts[0]), hex(parts[1]));
        assertThat(read(request)).as("kept until a command says so").isEqualTo(first);
        if (command != null) {
            var words = command.split(" ");
            hardware.submit(List.of(List.of(hex(words[0]), hex(words[1]))));
        }
        assertThat(read(request)).isEqualTo(then);
    }
}
