package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Walked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What a command has the unit forget, and what it does not. A request is answered, memory is edited, a command is given, and the request is
 * answered again: as before, or as memory is now. Stream 0x22 has stage 2 (VMID 0x11), 0x23 both (VMID 0x11, ASID 0x31 with SubstreamID 5), 0x21
 * stage 1 (VMID 7, ASID 0x25 with SubstreamID 5). All numbers are hexadecimal. IHI 0070, sections 3.17 and 4.4; chapter 16.
 */
class SmmuCachesTest {
    private final ExampleUnit unit = new ExampleUnit();

    SmmuCachesTest() {
        unit.store(0x90011d28L, 0x60_0000_5000_0f41L); // a block, of which stage 2 has two pages
        unit.store(0x80103790L, 0x60_0001_2345_7743L); // a global page
    }

    @AfterEach
    void giveBack() {
        unit.close();
    }

    private String read(String request) {
        var parts = request.split(" ");
        var ids = parts[0].split("/");
        long outcome = unit.hardware.translate(
                (int) ExampleUnit.hex(ids[0]),
                ids.length == 1 ? -1 : (int) ExampleUnit.hex(ids[1]),
                ExampleUnit.hex(parts[1]),
                PageWalk.READ);
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
        unit.edit(edit);
        assertThat(read(request)).as("kept until a command says so").isEqualTo(first);
        if (command != null) {
            var words = command.split(" ");
            unit.command(new long[] {ExampleUnit.hex(words[0]), ExampleUnit.hex(words[1])});
        }
        assertThat(read(request)).isEqualTo(then);
    }
}
