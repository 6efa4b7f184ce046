package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Mishap;
import dev.ioasid.iommu.Translation;
import dev.ioasid.pagetable.Permissions;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** IHI 0070, 7.3: each event that there is, brought about by what a device does, as it stands in the Event queue. */
class EveryEventTest {
    private static final String ROWS = """
            F_UUT              | 80000848 = 000a1000100000d4             | unsupported     | 21/5 privileged-execute 7fabcdef1234 | 0000002100005801 0000000e00000000 00007fabcdef1234 0000000000000000
            F_UUT              |                                         | unsupported     | 25 write ffff000000001234            | 0000002500000001 0000000000000000 ffff000000001234 0000000000000000
            C_BAD_STREAMID     |                                         |                 | 100/5 read 7fabcdef1234              | 0000010000005802 0000000000000000 0000000000000000 0000000000000000
            F_STE_FETCH        | CR0 = c, STRTAB_BASE = c0000000, CR0 = d |                | 21/5 read 7fabcdef1234               | 0000002100005803 0000000000000000 0000000000000000 00000000c0000840
            C_BAD_STE          |                                         |                 | 25/5 read 7fabcdef1234               | 0000002500005804 0000000000000000 0000000000000000 0000000000000000
            F_BAD_ATS_TREQ     | 80000848 = 1000000000d4                 |                 | 21/5 ask-read 7fabcdef1000           | 0000002100005805 00000000c0000001 00007fabcdef1000 0000000000000000
            F_STREAM_DISABLED  |                                         |                 | 21 read 7fabcdef1234                 | 0000002100000006 0000000000000000 0000000000000000 0000000000000000
            F_TRANSL_FORBIDDEN | 80000848 = 1000000000d4                 |                 | 21 translated-read 123456234         | 0000002100000007 0000000800000000 0000000123456234 0000000000000000
            C_BAD_SUBSTREAMID  |                                         |                 | 21/400 read 7fabcdef1234             | 0000002100400008 0000000000000000 0000000000000000 0000000000000000
            C_BAD_SUBSTREAMID  |                                         |                 | 21/46 read 7fabcdef1234              | 0000002100046008 0000000000000000 0000000000000000 0000000000000000
            F_CD_FETCH         | 80010000 = c0000001                     |                 | 21/5 read 7fabcdef1234               | 0000002100005809 0000000000000000 0000000000000000 00000000c0000140
            C_BAD_CD           |                                         |                 | 21/6 read 7fabcdef1234               | 000000210000680a 0000000000000000 0000000000000000 0000000000000000
            F_WALK_EABT        | 801007f8 = c0000003                     |                 | 21/5 read 7fabcdef1234               | 000000210000580b 0000010800000000 00007fabcdef1234 00000000c0000578
            F_WALK_EABT        | 80200008 = c0000003                     |                 | 23/5 write 1234567890                | 000000230000580b 0000008000000000 0000001234567890 00000000c0000000
            F_TRANSLATION      |                                         |                 | 21/5 read 7fabcdef6234               | 0000002100005810 0000020800000000 00007fabcdef6234 0000000000000000
            F_TRANSLATION      |                                         |                 | 23/5 write 1234767890                | 0000002300005810 0000018000000000 0000001234767890 0000000060000000
            F_ADDR_SIZE        | 80000890 = 040a355800000011             |                 | 22 read 80456799a8                   | 0000002200000011 0000028800000000 00000080456799a8 0000008045679000
            F_ACCESS           |                                         |                 | 21/5 read 7fabcdef2234               | 0000002100005812 0000020800000000 00007fabcdef2234 0000000000000000
            F_ACCESS           |                                         |                 | 21/7 read 7fabcdef2234               | 0000002100007812 0000020880000000 00007fabcdef2234 0000000000000000
            F_PERMISSION       |                                         |                 | 21/5 privileged-write 7fabce012345   | 0000002100005813 0000020200000000 00007fabce012345 0000000000000000
            F_PERMISSION       | 80204000 = 004000009000077d             |                 | 23/6 read 123456c890                 | 0000002300006813 0000018800000000 000000123456c890 0000000040012000
            F_PERMISSION       | 80204000 = 00400000900007bd             |                 | 23/5 write 1234567890                | 0000002300005813 0000008000000000 0000001234567890 0000000040001000
            F_PERMISSION       | 80204000 = 00400000900007bd, 800008c0 = 180000005012400f, a5a5b140 = 0031e205c0003519, a5a5b148 = 40010000 | | 23/5 write 1234567890 | 0000002300005813 0000118000000000 0000001234567890 0000000040010000
            F_TLB_CONFLICT     | 80000848 = 00021000100000d4             | translations    | 21/5 privileged-read 7fabcdef1234    | 0000002100005820 0000000800000000 00007fabcdef1234 0000000000000000
            F_TLB_CONFLICT     |                                         | translations    | 22 write 80456789a8                  | 0000002200000020 0000008000000000 00000080456789a8 0000008045678000
            F_CFG_CONFLICT     |                                         | configuration   | 21/5 read 7fabcdef1234               | 0000002100005821 0000000000000000 0000000000000000 0000000000000000
            E_PAGE_REQUEST     |                                         | hint rwx 3      | 21/5 read 7fabcdef1234               | 0000002100005824 0000300e00000000 00007fabcdef1000 0000000000000000
            E_PAGE_REQUEST     |                                         | hint rp 255     | 21/5 read 7fabcdef1234               | 0000002100005824 000ff08000000000 00007fabcdef1000 0000000000000000
            E_PAGE_REQUEST     |                                         | hint wp 1       | 22 read 80456789a8                   | 0000002200000024 0000100400000000 0000008045678000 0000000000000000
            F_VMS_FETCH        | 800008c8 = 00001000040000d4, 800008e8 = c0005000 | MPAM   | 23/5 read 1234567890                 | 0000002300005825 0000000000000000 0000000000000000 00000000c0005000
            F_VMS_FETCH        | 800008c8 = 00001000040000d4, 800008e8 = 00ff000000005fff | MPAM | 23/fff read 1234567890         | 0000002300fff825 0000000000000000 0000000000000000 000f000000005000
            """;

    private record Row(SmmuEvent event, String edits, String befalls, String request, String words) {
        static Row of(String line) {
            var parts = Arrays.stream(line.split("\\|", -1)).map(String::strip).toList();
            return new Row(SmmuEvent.valueOf(parts.get(0)), parts.get(1), parts.get(2), parts.get(3), parts.get(4));
        }

        Map<String, Long> capabilities() {
            return befalls.equals("MPAM") ? Map.of("IDR3", Idr3.MPAM.mask()) : Map.of();
        }

        @Nullable
        Mishap mishap() {
            return switch (befalls.split(" ")[0]) {
                case "unsupported" -> new Mishap.UnsupportedTransaction();
                case "translations" -> new Mishap.ConflictingTranslations();
                case "configuration" -> new Mishap.ConflictingConfiguration();
                case "hint" ->
                    new Mishap.PageHint(
                            Permissions.parse(befalls.split(" ")[1]), Integer.parseInt(befalls.split(" ")[2]));
                default -> null;
            };
        }
    }

    static Stream<Row> rows() {
        return ROWS.lines().map(Row::of);
    }

    private static void check(Row row, SmmuCacheGeometries caches) {
        try (var unit = new ExampleUnit(row.capabilities(), caches)) {
            if (!row.edits.isEmpty()) {
                unit.edit(row.edits);
            }
            var mishap = row.mishap();
            if (mishap != null) {
                unit.hardware.befall((int) ExampleUnit.hex(row.request.split("[/ ]")[0]), mishap, 1);
            }
            var explained =
                    unit.hardware.explain(ExampleUnit.request(row.request)).result();

            var answer = unit.translate(row.request);

            assertThat(unit.events()).containsExactly(row.words);
            assertThat(unit.hardware.faultCounts()).isEqualTo(Map.of(row.event.name(), 1L));
            assertThat(unit.hardware.faults().getFirst().name()).isEqualTo(row.event.name());
            assertThat(text(answer))
                    .isEqualTo(
                            row.event == SmmuEvent.E_PAGE_REQUEST
                                    ? "translated"
                                    : row.event.name().toLowerCase(Locale.ROOT));
            assertThat(text(explained)).isEqualTo(text(answer));
        }
    }

    private static String text(Translation answer) {
        var fault = switch (answer) {
            case Translation.Translated page -> null;
            case Translation.Faulted(var why) -> why;
            case Translation.Stalled stalled -> stalled.fault();
            case Translation.Completed completed -> completed.fault();
        };
        return fault == null ? "translated" : fault.name().toLowerCase(Locale.ROOT);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void asItStandsInTheQueue(Row row) {
        check(row, SmmuCacheGeometries.DEFAULT);
    }

    /** The short way leaves all of them to the exact one. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void withoutCaches(Row row) {
        check(row, SmmuCacheGeometries.NONE);
    }

    @Test
    void noneIsMissing() {
        assertThat(rows().map(Row::event).collect(() -> EnumSet.noneOf(SmmuEvent.class), EnumSet::add, EnumSet::addAll))
                .isEqualTo(EnumSet.allOf(SmmuEvent.class));
    }

    // ---- what befalls whom

    @ParameterizedTest
    @EnumSource(
            value = SmmuEvent.class,
            names = {"F_UUT", "F_CFG_CONFLICT", "F_TLB_CONFLICT"})
    void itBefallsSoManyOfTheStreamAndNoOther(SmmuEvent event) {
        var mishap = switch (event) {
            case F_UUT -> new Mishap.UnsupportedTransaction();
            case F_CFG_CONFLICT -> new Mishap.ConflictingConfiguration();
            default -> new Mishap.ConflictingTranslations();
        };
        try (var unit = new ExampleUnit()) {
            unit.hardware.befall(0x21, mishap, 2);

            assertThat(text(unit.translate("22 read 80456789a8"))).isEqualTo("translated");
            assertThat(text(unit.translate("21/5 ask-read 7fabcdef1234"))).isEqualTo("translated");
            assertThat(text(unit.translate("21 translated-read 123456234"))).isEqualTo("translated");
            unit.hardware.explain(ExampleUnit.request("21/5 read 7fabcdef1234"));
            for (int i = 0; i < 2; i++) {
                assertThat(unit.translate("21/5 read 7fabcdef1234"))
                        .isInstanceOfSatisfying(
                                Translation.Faulted.class,
                                faulted -> assertThat(faulted.fault().name()).isEqualTo(event.name()));
            }
            assertThat(text(unit.translate("21/5 read 7fabcdef1234"))).isEqualTo("translated");
        }
    }

    @Test
    void aLaterMishapTakesThePlaceOfOneThatHasNotHappened() {
        try (var unit = new ExampleUnit()) {
            unit.hardware.befall(0x21, new Mishap.UnsupportedTransaction(), 5);
            unit.hardware.befall(0x21, new Mishap.ConflictingConfiguration(), 1);
            assertThat(text(unit.translate("21/5 read 7fabcdef1234"))).isEqualTo("f_cfg_conflict");
            assertThat(text(unit.translate("21/5 read 7fabcdef1234"))).isEqualTo("translated");

            unit.hardware.befall(0x21, new Mishap.UnsupportedTransaction(), 5);
            unit.hardware.befall(0x21, new Mishap.UnsupportedTransaction(), 0);
            assertThat(text(unit.translate("21/5 read 7fabcdef1234"))).isEqualTo("translated");
        }
    }

    /** While translation is off nothing befalls anybody, and it is not forgotten. */
    @Test
    void itWaitsForTranslationToBeOn() {
        try (var unit = new ExampleUnit()) {
            unit.hardware.befall(0x21, new Mishap.UnsupportedTransaction(), 1);
            unit.write("CR0=e");
            assertThat(text(unit.translate("21 read 1234"))).isEqualTo("translated");
            unit.write("CR0=1f");
            assertThat(text(unit.translate("21/5 read 7fabcdef1234"))).isEqualTo("f_uut");
        }
    }

    // ---- the VMS

    /** Found, it changes nothing; what the STE cache holds, it holds with the VMS's place. */
    @Test
    void aVmsIsFetchedForEachTransaction() {
        try (var unit = new ExampleUnit(Map.of("IDR3", Idr3.MPAM.mask()), SmmuCacheGeometries.DEFAULT)) {
            unit.edit("800008c8 = 00001000240000d4, 800008e8 = 00f0000090005000"); // bits 55:52 are of v3.4
            assertThat(text(unit.translate("23/5 read 1234567890"))).isEqualTo("translated");
            unit.edit("800008e8 = c0005000");
            assertThat(text(unit.translate("23/5 read 1234567890"))).isEqualTo("translated");
            unit.command(Commands.cfgiSte(0x23, true));
            for (int i = 0; i < 2; i++) {
                assertThat(text(unit.translate("23/5 read 1234567890"))).isEqualTo("f_vms_fetch");
            }
            assertThat(text(unit.translate("23/5 ask-read 1234567890"))).isEqualTo("f_vms_fetch");
            assertThat(text(unit.translate("23 translated-read 50123890"))).isEqualTo("f_vms_fetch");
            unit.command(Commands.cfgiCdAll(0x23));
            assertThat(text(unit.translate("23 read 1234567890")))
                    .as("before it is asked whether a SubstreamID is needed")
                    .isEqualTo("f_vms_fetch");
        }
    }

    /** Without MPAM, with one stage, or without S1MPAM there is none. */
    @Test
    void mostHaveNoVms() {
        try (var unit = new ExampleUnit()) {
            unit.edit("800008c8 = 00001000240000d4, 800008e8 = c0005000");
            assertThat(text(unit.translate("23/5 read 1234567890"))).isEqualTo("translated");
        }
        try (var unit = new ExampleUnit(Map.of("IDR3", Idr3.MPAM.mask()), SmmuCacheGeometries.NONE)) {
            unit.edit("800008e8 = c0005000, 80000848 = 00001000140000d4, 80000868 = c0005000, 80000888 = 100004000000");
            assertThat(text(unit.translate("23/5 read 1234567890"))).isEqualTo("translated");
            assertThat(text(unit.translate("21/5 read 7fabcdef1234"))).isEqualTo("translated");
            assertThat(text(unit.translate("22 read 80456789a8"))).isEqualTo("translated");
        }
    }
}
