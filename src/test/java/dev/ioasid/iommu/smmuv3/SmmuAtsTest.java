package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Translation requests and translated transactions. The tables are those of the worked examples: StreamID 0x21 has stage 1 with
 * SubstreamIDs, 0x22 stage 2, 0x23 both. All numbers are hexadecimal. IHI 0070, sections 3.9.1, 5.2 (EATS), 7.3.6 and 7.3.8.
 */
class SmmuAtsTest {
    private final ExampleUnit unit = new ExampleUnit();

    SmmuAtsTest() {
        unit.store(0x80000888L, 0x1000_1000_0000L); // 0x22 has ATS, too
    }

    @AfterEach
    void giveBack() {
        unit.close();
    }

    /** {@code 21/5 ask 1234}, {@code 21/5 ask-nw 1234} or {@code 21 translated-write 1234}. */
    private Translation answer(String text) {
        var parts = text.split(" ");
        var ids = parts[0].split("/");
        boolean asks = parts[1].startsWith("ask");
        return unit.hardware.translate(new DmaRequest(
                Rid.ofSourceId(0, (int) ExampleUnit.hex(ids[0])),
                ids.length == 1 ? DmaRequest.NO_PASID : (int) ExampleUnit.hex(ids[1]),
                ExampleUnit.hex(parts[2]),
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
        if (edits != null) {
            unit.edit(edits);
        }
        assertThat(text(answer(request))).isEqualTo(answer);
        assertThat(unit.events()).isEqualTo(recorded == null ? List.of() : List.of(recorded));
    }

    /** What a device has been told it uses, until it is asked to forget; the unit's own TLB does not matter to it. */
    @Test
    void aDeviceRemembersWhatItWasTold() {
        unit.hardware.connect(new Requester(0x21, 20, true, false));
        assertThat(text(answer("21/5 ask 7fabcdef1000"))).isEqualTo("success 123456003");
        unit.store(0x80103788L, 0);
        unit.command(Commands.tlbiNhAsid(7, 0x25));
        assertThat(text(untranslated())).isEqualTo("123456234");
        unit.command(Commands.atcInvCovering(0x21, 5, 0x7fabcdef1000L, 0x7fabcdef1fffL));
        assertThat(text(untranslated())).isEqualTo("fault 10");
    }

    private Translation untranslated() {
        return unit.hardware.translate(new DmaRequest(Rid.ofSourceId(0, 0x21), 5, 0x7fabcdef1234L, Access.READ, false));
    }

    /** Whatever the StreamID is, a device's memory is listed under its own name, and its entries say whose they are. */
    @Test
    void aDeviceTlbIsNamedByItsDevice() {
        unit.hardware.connect(new Requester(Rid.parse("0001:00:04.1"), 0x21, 20, true, false));
        unit.hardware.connect(new Requester(Rid.parse("0000:00:04.1"), 0x77, 20, true, false));
        unit.hardware.translate(new DmaRequest(
                Rid.parse("0001:00:04.1"),
                5,
                0x7fabcdef1000L,
                Access.READ,
                false,
                DmaRequest.Kind.TRANSLATION_REQUEST,
                false));
        assertThat(unit.hardware.cached("device-tlb-0001:00:04.1"))
                .singleElement()
                .satisfies(entry -> assertThat(entry.rid()).isEqualTo(Rid.parse("0001:00:04.1")));
        assertThat(unit.hardware.cached("device-tlb-00:04.1")).isEmpty();
    }
}
