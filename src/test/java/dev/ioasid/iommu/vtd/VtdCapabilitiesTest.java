package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** VT-d 5.10, 11.4.1 to 11.4.3: capabilities by name, and the bits that say so. */
class VtdCapabilitiesTest {
    private static final JsonMapper JSON = new JsonMapper();

    private static final String CURRENT_SERVER =
            "addressWidth=48 hostAddressWidth=48 pasidBits=20 pageSizes=1000,200000,40000000 scalable=true"
                    + " firstStage=true nesting=true ats=true pri=true dirtyTracking=true snoopControl=true"
                    + " passThrough=true zeroLengthRead=true cachingMode=false domainIdBits=16 faultRecords=8"
                    + " majorVersion=6";

    @Test
    void aCurrentServer() {
        var server = VtdCapabilities.DEFAULT;

        assertThat(server.registers())
                .containsExactly(
                        Map.entry("VER", 0x60L),
                        Map.entry("CAP", 0x91D2078C226F0606L),
                        Map.entry("ECAP", 0x0033ED9EA4000FC7L));
        assertThat(server.hostAddressWidth()).isEqualTo(48);
        assertThat(server.named()).containsExactlyEntriesOf(names(CURRENT_SERVER));
        assertThat(server.execute()).isFalse();
        assertThat(server.privileged()).isTrue();
    }

    /** Each field of a current server, whether it has a name here or not. */
    @ParameterizedTest(name = "{0} {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            register | bits  | field   | value
            VER      | 3:0   | minor   | 0
            VER      | 7:4   | major   | 6
            CAP      | 2:0   | ND      | 6
            CAP      | 3     | was AFL | 0
            CAP      | 4     | RWBF    | 0
            CAP      | 5     | PLMR    | 0
            CAP      | 6     | PHMR    | 0
            CAP      | 7     | CM      | 0
            CAP      | 12:8  | SAGAW   | 6
            CAP      | 15:13 | -       | 0
            CAP      | 21:16 | MGAW    | 2F
            CAP      | 22    | ZLR     | 1
            CAP      | 23    | -       | 0
            CAP      | 33:24 | FRO     | 22
            CAP      | 37:34 | SSLPS   | 3
            CAP      | 38    | -       | 0
            CAP      | 39    | PSI     | 1
            CAP      | 47:40 | NFR     | 7
            CAP      | 53:48 | MAMV    | 12
            CAP      | 54    | DWD     | 1
            CAP      | 55    | DRD     | 1
            CAP      | 56    | FS1GP   | 1
            CAP      | 58:57 | -       | 0
            CAP      | 59    | PI      | 0
            CAP      | 60    | FS5LP   | 1
            CAP      | 61    | ECMDS   | 0
            CAP      | 62    | ESIRTPS | 0
            CAP      | 63    | ESRTPS  | 1
            ECAP     | 0     | C       | 1
            ECAP     | 1     | QI      | 1
            ECAP     | 2     | DT      | 1
            ECAP     | 3     | IR      | 0
            ECAP     | 4     | EIM     | 0
            ECAP     | 5     | -       | 0
            ECAP     | 6     | PT      | 1
            ECAP     | 7     | SC      | 1
            ECAP     | 17:8  | IRO     | F
            ECAP     | 19:18 | -       | 0
            ECAP     | 23:20 | MHMV    | 0
            ECAP     | 24    | -       | 0
            ECAP     | 25    | MTS     | 0
            ECAP     | 26    | NEST    | 1
            ECAP     | 28:27 | -       | 0
            ECAP     | 29    | PRS     | 1
            ECAP     | 30    | ERS     | 0
            ECAP     | 31    | SRS     | 1
            ECAP     | 32    | -       | 0
            ECAP     | 33    | NWFS    | 1
            ECAP     | 34    | EAFS    | 1
            ECAP     | 39:35 | PSS     | 13
            ECAP     | 40    | PASID   | 1
            ECAP     | 41    | DIT     | 0
            ECAP     | 42    | PDS     | 1
            ECAP     | 43    | SMTS    | 1
            ECAP     | 44    | VCS     | 0
            ECAP     | 45    | SSADS   | 1
            ECAP     | 46    | SSTS    | 1
            ECAP     | 47    | FSTS    | 1
            ECAP     | 48    | SMPWCS  | 1
            ECAP     | 49    | RPS     | 1
            ECAP     | 50    | TDXCS   | 0
            ECAP     | 51    | PMS     | 0
            ECAP     | 52    | ADMS    | 1
            ECAP     | 53    | RPRIVS  | 1
            ECAP     | 54    | -       | 0
            ECAP     | 55    | HPTS    | 0
            ECAP     | 56    | PTRS    | 0
            ECAP     | 57    | SSIRWS  | 0
            ECAP     | 58    | SMS     | 0
            ECAP     | 63:59 | -       | 0
            """)
    void aCurrentServerField(String register, String bits, String field, String value) {
        long word = VtdCapabilities.DEFAULT.registers().getOrDefault(register, -1L);
        var ends = bits.split(":");
        int high = Integer.parseInt(ends[0]);
        int low = Integer.parseInt(ends[ends.length - 1]);

        assertThat(word << 63 - high >>> 63 - high + low).isEqualTo(Bench.hex(value));
        // the register's own description says the same
        var layout = register.equals("CAP") ? Cap.LAYOUT : Ecap.LAYOUT;
        if (!register.equals("VER")) {
            var named = layout.fields().stream()
                    .filter(one -> one.low() <= high && one.high() >= low)
                    .map(one -> one.name() + " " + one.high() + ":" + one.low())
                    .toList();
            assertThat(named)
                    .isEqualTo(
                            field.equals("-") || field.startsWith("was ")
                                    ? List.of()
                                    : List.of(field + " " + high + ":" + low));
        }
    }

    /** What is asked for changes these bits of a current server, and with it what cannot be had any more. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            asked for                     | registers                                       | and so
            addressWidth=39               | CAP without 3F1F00, CAP or 260200, HAW = 39     | hostAddressWidth=39
            addressWidth=48               |                                                 |
            addressWidth=57               | CAP without 3F1F00, CAP or 380E00, HAW = 52     | hostAddressWidth=52
            hostAddressWidth=32           | HAW = 32                                        |
            hostAddressWidth=47           | HAW = 47                                        |
            addressWidth=57 hostAddressWidth=48 | CAP without 3F1F00, CAP or 380E00         |
            pasidBits=0                   | ECAP without 1F8_0000_0000                      |
            pasidBits=1                   | ECAP without F8_0000_0000                       |
            pasidBits=16                  | ECAP without F8_0000_0000, ECAP or 78_0000_0000 |
            pasidBits=20                  |                                                 |
            pageSizes=1000                | CAP without 3C_0000_0000                        |
            pageSizes=1000,200000         | CAP without 8_0000_0000                         |
            pageSizes=1000,200000,40000000 |                                                |
            scalable=false                | ECAP = FC7, CAP without 1100_0000_0000_0000     | pasidBits=0 firstStage=false nesting=false pri=false dirtyTracking=false
            firstStage=false              | ECAP without 20_8004_8400_0000, CAP without 1100_0000_0000_0000 | nesting=false
            nesting=false                 | ECAP without 400_0000                           |
            ats=false                     | ECAP without 402_2000_0004                      | pri=false
            pri=false                     | ECAP without 400_2000_0000                      |
            dirtyTracking=false           | ECAP without 2000_0000_0000                     |
            snoopControl=false            | ECAP without 80                                 |
            passThrough=false             | ECAP without 40                                 |
            zeroLengthRead=false          | CAP without 40_0000                             |
            cachingMode=true              | CAP or 80                                       |
            domainIdBits=4                | CAP without 7                                   |
            domainIdBits=6                | CAP without 7, CAP or 1                         |
            domainIdBits=8                | CAP without 7, CAP or 2                         |
            domainIdBits=10               | CAP without 7, CAP or 3                         |
            domainIdBits=12               | CAP without 7, CAP or 4                         |
            domainIdBits=14               | CAP without 7, CAP or 5                         |
            faultRecords=1                | CAP without FF00_0000_0000                      |
            faultRecords=2                | CAP without FF00_0000_0000, CAP or 100_0000_0000 |
            faultRecords=256              | CAP or FF00_0000_0000                           |
            majorVersion=1                | VER = 10                                        |
            majorVersion=15               | VER = F0                                        |
            scalable=false ats=false passThrough=false snoopControl=false | ECAP = F03, CAP without 1100_0000_0000_0000 | pasidBits=0 firstStage=false nesting=false pri=false dirtyTracking=false
            """)
    void named(String asked, @Nullable String registers, @Nullable String andSo) {
        try (var bench = new Bench()) {
            bench.edit(registers == null ? "" : registers);
            var names = names(CURRENT_SERVER);
            names.putAll(names(asked));
            names.putAll(names(andSo == null ? "" : andSo));

            var capabilities = VtdCapabilities.named(capabilities(names(asked)));

            assertThat(capabilities)
                    .isEqualTo(new VtdCapabilities((int) bench.version, bench.cap, bench.ecap, bench.hostAddressWidth));
            assertThat(capabilities.named()).containsExactlyEntriesOf(names);
            assertThat(VtdCapabilities.named(capabilities(names))).isEqualTo(capabilities);
            assertThat(VtdCapabilities.raw(bench.version, bench.cap, bench.ecap, bench.hostAddressWidth)
                            .named())
                    .containsExactlyEntriesOf(names);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            asked for                              | refused
            addressWidth=38                        | addressWidth
            addressWidth=40                        | addressWidth
            addressWidth=64                        | addressWidth
            addressWidth=0                         | addressWidth
            hostAddressWidth=31                    | hostAddressWidth
            hostAddressWidth=49                    | hostAddressWidth
            addressWidth=39 hostAddressWidth=40    | hostAddressWidth
            addressWidth=57 hostAddressWidth=53    | hostAddressWidth
            pasidBits=-1                           | pasidBits
            pasidBits=21                           | pasidBits
            scalable=false pasidBits=1             | pasidBits
            pageSizes=                             | pageSizes
            pageSizes=200000                       | pageSizes
            pageSizes=1000,40000000                | pageSizes
            pageSizes=1000,2000                    | pageSizes
            pageSizes=1000,200000,40000000,8000000000 | pageSizes
            scalable=false firstStage=true         | firstStage
            scalable=false nesting=true            | nesting
            firstStage=false nesting=true          | nesting
            ats=false pri=true                     | pri
            scalable=false pri=true                | pri
            scalable=false dirtyTracking=true      | dirtyTracking
            domainIdBits=3                         | domainIdBits
            domainIdBits=5                         | domainIdBits
            domainIdBits=18                        | domainIdBits
            faultRecords=0                         | faultRecords
            faultRecords=257                       | faultRecords
            majorVersion=0                         | majorVersion
            majorVersion=16                        | majorVersion
            """)
    void refused(String asked, String capability) {
        assertThatThrownBy(() -> VtdCapabilities.named(capabilities(names(asked))))
                .isInstanceOfSatisfying(RefusedException.class, refused -> {
                    assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
                    assertThat(refused.subjects()).containsEntry("capability", capability);
                    assertThat(refused).hasMessageContaining(capability);
                });
    }

    /** Registers of other units than can be asked for by name. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            registers                                        | HAW | names
            CAP without 3F0000                               | 48  | addressWidth=1
            CAP without 3F0000, CAP or 270000                | 40  | addressWidth=40 hostAddressWidth=40
            CAP without 3F0000, CAP or 270000                |     | addressWidth=40 hostAddressWidth=40
            CAP or 380000                                    |     | hostAddressWidth=52
            CAP or 380000, CAP or 800                        | 52  | addressWidth=57 hostAddressWidth=52
            CAP without 400                                  | 48  | addressWidth=39
            CAP without 600, CAP or 800                      | 48  |
            CAP without 600                                  | 48  |
            CAP without 3C_0000_0000, CAP or 8_0000_0000     | 48  | pageSizes=1000,40000000
            CAP without 100_0000_0000_0000                   | 48  |
            CAP or 7                                         | 48  | domainIdBits=18
            ECAP without 800_0000_0000                       | 48  | scalable=false pasidBits=0
            ECAP without 100_0000_0000                       | 48  | pasidBits=0
            ECAP without F8_0000_0000, ECAP or 48_0000_0000  | 48  | pasidBits=10
            ECAP without 8000_0000_0000                      | 48  | firstStage=false
            ECAP without 2000_0000                           | 48  | pri=false
            ECAP without 4                                   | 48  | ats=false
            ECAP = 0, CAP = 0                                | 48  | addressWidth=1 pasidBits=0 pageSizes=1000 scalable=false firstStage=false nesting=false ats=false pri=false dirtyTracking=false snoopControl=false passThrough=false zeroLengthRead=false domainIdBits=4 faultRecords=1
            VER = 0                                          | 48  | majorVersion=0
            VER = FF                                         | 48  | majorVersion=15
            VER = 16                                         | 48  | majorVersion=1
            """)
    void registersDecode(String registers, @Nullable Integer hostAddressWidth, @Nullable String differing) {
        try (var bench = new Bench()) {
            bench.edit(registers);
            var names = names(CURRENT_SERVER);
            names.putAll(names(differing == null ? "" : differing));

            var capabilities = VtdCapabilities.raw(bench.version, bench.cap, bench.ecap, hostAddressWidth);

            assertThat(capabilities.named()).containsExactlyEntriesOf(names);
            assertThat(capabilities.registers())
                    .containsExactly(
                            Map.entry("VER", bench.version),
                            Map.entry("CAP", bench.cap),
                            Map.entry("ECAP", bench.ecap));
        }
    }

    @ParameterizedTest(name = "VER {0}, HAW {1}")
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            VER, HAW, refused
            -1,  48,  VER
            256, 48,  VER
            96,  12,  hostAddressWidth
            96,  53,  hostAddressWidth
            96,  0,   hostAddressWidth
            """)
    void refusedRegisters(long version, int hostAddressWidth, String capability) {
        assertThatThrownBy(() -> VtdCapabilities.raw(version, Bench.CAP, Bench.ECAP, hostAddressWidth))
                .isInstanceOfSatisfying(RefusedException.class, refused -> {
                    assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
                    assertThat(refused.subjects()).containsEntry("capability", capability);
                });
    }

    @Test
    void aVersionThatIsNotGivenIs6() {
        assertThat(VtdCapabilities.raw(null, Bench.CAP, Bench.ECAP, null)).isEqualTo(VtdCapabilities.DEFAULT);
    }

    /** Whatever is asked for by name, what must not be without another is not, and the names can be asked for again. */
    @Test
    void whatIsGrantedHoldsTogether() {
        int granted = 0;
        for (long seed = 0; seed < 20_000; seed++) {
            var asked = randomNames(new Random(seed));
            VtdCapabilities capabilities;
            try {
                capabilities = VtdCapabilities.named(capabilities(asked));
            } catch (RefusedException refused) {
                continue;
            }
            granted++;
            long cap = capabilities.cap();
            long ecap = capabilities.ecap();
            assertThat(capabilities.named()).as("%s", asked).containsAllEntriesOf(asked);
            assertThat(VtdCapabilities.named(capabilities(capabilities.named())))
                    .isEqualTo(capabilities);
            assertNeeds(ecap, 26, 47, 46); // NEST: FSTS, SSTS
            assertNeeds(ecap, 29, 2, 43); // PRS: DT, SMTS
            assertNeeds(ecap, 33, 2); // NWFS: DT
            assertNeeds(ecap, 34, 47, 48); // EAFS: FSTS, SMPWCS
            assertNeeds(ecap, 41, 2); // DIT: DT
            assertNeeds(ecap, 42, 2); // PDS: DT
            assertNeeds(ecap, 43, 1); // SMTS: QI
            assertNeeds(ecap, 45, 48); // SSADS: SMPWCS
            assertNeeds(ecap, 53, 31); // RPRIVS: SRS
            assertThat(ecap >>> 30 & 1).as("ERS").isZero();
            assertThat(cap >>> 34 & 0xf).as("SSLPS").isIn(0L, 1L, 3L);
            assertThat((cap >>> 16 & 0x3f) + 1).as("MGAW").isGreaterThanOrEqualTo(capabilities.hostAddressWidth());
            assertThat(cap >>> 8 & 0x11).as("SAGAW").isZero();
            assertThat(cap & 0x6E00_0040_0080_E078L)
                    .as("reserved, or not offered")
                    .isZero();
        }
        assertThat(granted).isBetween(2_000, 18_000);
    }

    private static void assertNeeds(long ecap, int bit, int... others) {
        if ((ecap >>> bit & 1) != 0) {
            for (int other : others) {
                assertThat(ecap >>> other & 1).as("bit %d needs %d", bit, other).isOne();
            }
        }
    }

    // ---------------------------------------------------------------- names as text

    private static Map<String, Object> randomNames(Random random) {
        var names = new HashMap<String, Object>();
        for (var flag : List.of(
                "scalable",
                "firstStage",
                "nesting",
                "ats",
                "pri",
                "dirtyTracking",
                "snoopControl",
                "passThrough",
                "zeroLengthRead",
                "cachingMode")) {
            if (random.nextInt(3) == 0) {
                names.put(flag, random.nextInt(3) > 0);
            }
        }
        var choices = Map.of(
                "addressWidth",
                new int[] {39, 48, 57},
                "hostAddressWidth",
                new int[] {32, 39, 46, 48, 52},
                "pasidBits",
                new int[] {0, 1, 8, 20},
                "domainIdBits",
                new int[] {4, 10, 16},
                "faultRecords",
                new int[] {1, 8, 256},
                "majorVersion",
                new int[] {1, 6, 8, 15});
        choices.forEach((name, values) -> {
            if (random.nextInt(3) == 0) {
                names.put(name, values[random.nextInt(values.length)]);
            }
        });
        return names;
    }

    /** Reads {@code addressWidth=48 pageSizes=1000,200000 ats=false}; page sizes are hexadecimal. */
    private static Map<String, Object> names(String text) {
        var names = new LinkedHashMap<String, Object>();
        for (var part : text.isBlank() ? new String[0] : text.strip().split(" +")) {
            var name = part.substring(0, part.indexOf('='));
            var value = part.substring(part.indexOf('=') + 1);
            names.put(
                    name,
                    switch (value) {
                        case "true" -> true;
                        case "false" -> false;
                        default ->
                            name.equals("pageSizes")
                                    ? Arrays.stream(value.split(","))
                                            .filter(size -> !size.isEmpty())
                                            .map(Bench::hex)
                                            .toList()
                                    : (Object) Integer.valueOf(value);
                    });
        }
        return names;
    }

    private static NamedCapabilities capabilities(Map<String, Object> names) {
        return JSON.convertValue(names, NamedCapabilities.class);
    }
}
