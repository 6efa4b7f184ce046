package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.IommuType;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** IHI 0070, 6.3.1 to 6.3.8: capabilities by name, and the bits that say so. */
class SmmuCapabilitiesTest {
    private static final JsonMapper JSON = new JsonMapper();

    private static final String CURRENT_SERVER =
            "stage1=true stage2=true outputBits=48 granules=1000,4000,10000 streamIdBits=16 pasidBits=16 asid16=true"
                    + " vmid16=true twoLevelStreamTable=true twoLevelCd=true stallModel=both termModel=false httu=dirty"
                    + " ats=true pri=true nestedAts=true hyp=true msi=true sev=false rangeInvalidation=true"
                    + " smallTables=false e0pd=false xnx=true forceWriteBack=true architectureMinor=2 stallMax=64"
                    + " commandQueueBits=19 eventQueueBits=19 pageRequestQueueBits=19 attributeOverride=true";

    private static final String REGISTERS = "IDR0=084d369b IDR1=0e739c10 IDR3=1534 IDR5=400075 AIDR=2";

    @Test
    void aCurrentServer() {
        var server = SmmuCapabilities.DEFAULT;

        assertThat(server.type()).isEqualTo(IommuType.SMMUV3);
        assertThat(server.registers())
                .containsExactly(
                        Map.entry("IDR0", 0x084d369bL),
                        Map.entry("IDR1", 0x0e739c10L),
                        Map.entry("IDR2", 0L),
                        Map.entry("IDR3", 0x1534L),
                        Map.entry("IDR4", 0L),
                        Map.entry("IDR5", 0x00400075L),
                        Map.entry("IIDR", 0L),
                        Map.entry("AIDR", 2L));
        assertThat(server.named()).containsExactlyEntriesOf(names(CURRENT_SERVER));
        assertThat(server.execute()).isTrue();
        assertThat(server.privileged()).isTrue();
        assertThat(server).isEqualTo(SmmuCapabilities.raw(registers(REGISTERS)));
        assertThat(SmmuCapabilities.raw(server.registers())).isEqualTo(server);
    }

    /** What is asked for changes these registers of a current server, and with it what cannot be had any more. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            asked for                  | registers                              | and so
            stage1=false               | IDR0=08452499 IDR1=0e739810 IDR3=1510  | asid16=false twoLevelCd=false nestedAts=false hyp=false pasidBits=0
            stage2=false               | IDR0=0849349a IDR3=1424                | vmid16=false nestedAts=false hyp=false xnx=false forceWriteBack=false
            outputBits=32              | IDR5=400070                            |
            outputBits=36              | IDR5=400071                            |
            outputBits=40              | IDR5=400072                            |
            outputBits=42              | IDR5=400073                            |
            outputBits=44              | IDR5=400074                            |
            outputBits=52              | IDR5=400476                            |
            granules=1000              | IDR5=400015                            |
            granules=4000              | IDR5=400025                            |
            granules=10000             | IDR5=400045                            |
            granules=1000,10000        | IDR5=400055                            |
            streamIdBits=0             | IDR1=0e739c00                          |
            streamIdBits=32            | IDR1=0e739c20                          |
            streamIdBits=6 twoLevelStreamTable=false | IDR0=004d369b IDR1=0e739c06 |
            pasidBits=0                | IDR1=0e739810 IDR3=1514                |
            pasidBits=20               | IDR1=0e739d10                          |
            asid16=false               | IDR0=084d269b                          |
            vmid16=false               | IDR0=0849369b                          |
            twoLevelCd=false           | IDR0=0845369b                          |
            stallModel=terminate-only  | IDR0=094d369b IDR5=75                  | stallMax=0
            stallModel=stall-only      | IDR0=0a4d369b                          |
            termModel=true             | IDR0=0c4d369b                          |
            httu=none                  | IDR0=084d361b                          |
            httu=access                | IDR0=084d365b                          |
            ats=false                  | IDR0=084c329b IDR3=1514                | pri=false nestedAts=false
            pri=false                  | IDR0=084c369b IDR3=1514                |
            nestedAts=false            | IDR0=084d3e9b                          |
            hyp=false                  | IDR0=084d349b                          |
            msi=false                  | IDR0=084d169b                          |
            sev=true                   | IDR0=084d769b                          |
            rangeInvalidation=false    | IDR3=1134                              |
            smallTables=true           | IDR3=1734                              |
            e0pd=true                  | IDR3=3534                              |
            xnx=false                  | IDR3=1524                              |
            forceWriteBack=false       | IDR3=1434                              |
            architectureMinor=1        | IDR3=34 AIDR=1                         | rangeInvalidation=false forceWriteBack=false
            architectureMinor=3        | IDR3=7534 AIDR=3                       | e0pd=true
            architectureMinor=1 rangeInvalidation=true | IDR3=434 AIDR=1        | forceWriteBack=false
            stallMax=0                 | IDR5=75                                |
            stallMax=65535             | IDR5=ffff0075                          |
            commandQueueBits=0         | IDR1=0c139c10                          |
            commandQueueBits=8         | IDR1=0d139c10                          |
            eventQueueBits=0           | IDR1=0e609c10                          |
            pageRequestQueueBits=0     | IDR1=0e730410                          |
            attributeOverride=false    | IDR1=02739c10                          |
            """)
    void named(String asked, String registers, @Nullable String andSo) {
        var expected = registers(REGISTERS);
        expected.putAll(registers(registers));
        var names = names(CURRENT_SERVER);
        names.putAll(names(asked));
        names.putAll(names(andSo == null ? "" : andSo));

        var capabilities = SmmuCapabilities.named(smmuNames(names(asked)));

        assertThat(hex(capabilities.registers())).containsAllEntriesOf(hex(expected));
        assertThat(capabilities.named()).containsExactlyEntriesOf(names);
        assertThat(SmmuCapabilities.named(smmuNames(names))).isEqualTo(capabilities);
        assertThat(SmmuCapabilities.raw(capabilities.registers())).isEqualTo(capabilities);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            asked for                                 | refused
            stage1=false stage2=false                 | stage2
            outputBits=31                             | outputBits
            outputBits=33                             | outputBits
            outputBits=56                             | outputBits
            outputBits=52 granules=1000,4000          | outputBits
            granules=                                 | granules
            granules=2000                             | granules
            granules=1000,8000                        | granules
            streamIdBits=-1                           | streamIdBits
            streamIdBits=33                           | streamIdBits
            twoLevelStreamTable=false                 | twoLevelStreamTable
            twoLevelStreamTable=false streamIdBits=7  | twoLevelStreamTable
            pasidBits=-1                              | pasidBits
            pasidBits=21                              | pasidBits
            stage1=false pasidBits=1                  | pasidBits
            stage1=false asid16=true                  | asid16
            stage2=false vmid16=true                  | vmid16
            stage1=false twoLevelCd=true              | twoLevelCd
            stallModel=stall                          | stallModel
            httu=all                                  | httu
            ats=false pri=true                        | pri
            ats=false nestedAts=true                  | nestedAts
            stage1=false nestedAts=true               | nestedAts
            stage2=false nestedAts=true               | nestedAts
            stage1=false hyp=true                     | hyp
            stage2=false hyp=true                     | hyp
            stage1=false e0pd=true                    | e0pd
            stage2=false xnx=true                     | xnx
            stage2=false forceWriteBack=true          | forceWriteBack
            architectureMinor=0                       | architectureMinor
            architectureMinor=4                       | architectureMinor
            stallMax=-1                               | stallMax
            stallMax=65536                            | stallMax
            stallModel=terminate-only stallMax=1      | stallMax
            commandQueueBits=-1                       | commandQueueBits
            commandQueueBits=20                       | commandQueueBits
            eventQueueBits=20                         | eventQueueBits
            pageRequestQueueBits=20                   | pageRequestQueueBits
            """)
    void refused(String asked, String capability) {
        assertThatThrownBy(() -> SmmuCapabilities.named(smmuNames(names(asked))))
                .isInstanceOfSatisfying(RefusedException.class, refused -> {
                    assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
                    assertThat(refused.subjects()).containsEntry("capability", capability);
                    assertThat(refused).hasMessageContaining(capability);
                });
    }

    /** Registers of other units than can be asked for by name. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            registers                | names
            IDR5=400077              | outputBits=52
            IDR5=400475              |
            IDR0=084d3e9b            | nestedAts=false
            IDR0=084d369f            |
            IDR0=080d369b            |
            IDR0=48cfb7bb            |
            IDR3=15bc                |
            IDR1=06739c10            | attributeOverride=false
            IDR0=084d3699            | stage1=false pasidBits=0 nestedAts=false
            IDR1=1e739c10            |
            IDR2=e                   |
            AIDR=1                   | architectureMinor=1
            AIDR=3                   | architectureMinor=3
            """)
    void registersDecode(String registers, @Nullable String differing) {
        var raw = registers(REGISTERS);
        raw.putAll(registers(registers));
        var names = names(CURRENT_SERVER);
        names.putAll(names(differing == null ? "" : differing));

        var capabilities = SmmuCapabilities.raw(raw);

        assertThat(capabilities.named()).containsExactlyEntriesOf(names);
        assertThat(hex(capabilities.registers())).containsAllEntriesOf(hex(raw));
        assertThat(SmmuCapabilities.raw(capabilities.registers())).isEqualTo(capabilities);
    }

    @Test
    void registersThatNeedNotBeGiven() {
        var capabilities = SmmuCapabilities.raw(registers("IDR0=084d369b IDR1=0e739c10 IDR5=400075"));

        assertThat(capabilities).isEqualTo(new SmmuCapabilities(0x084d369bL, 0x0e739c10L, 0, 0, 0x400075L, 2));
        assertThat(SmmuCapabilities.raw(registers(REGISTERS + " IDR4=5 IIDR=43b"))
                        .registers())
                .containsEntry("IDR4", 0L)
                .containsEntry("IIDR", 0L);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            registers              | refused
            IDR0=084d3698          | IDR0.S1P and IDR0.S2P
            IDR0=084d3697          | IDR0.TTF
            IDR0=084d3693          | IDR0.TTF
            IDR0=084d36db          | IDR0.HTTU
            IDR0=082d369b          | IDR0.TTENDIAN
            IDR0=086d369b          | IDR0.TTENDIAN
            IDR0=0b4d369b          | IDR0.STALL_MODEL
            IDR0=104d369b          | IDR0.ST_LEVEL
            IDR0=184d369b          | IDR0.ST_LEVEL
            IDR0=004d369b          | IDR1.SIDSIZE
            IDR1=0e739c21          | IDR1.SIDSIZE
            IDR1=0e739c3f          | IDR1.SIDSIZE
            IDR1=0e739d50          | IDR1.SSIDSIZE
            IDR1=0e73a410          | IDR1.PRIQS
            IDR1=0e749c10          | IDR1.EVENTQS
            IDR1=0e939c10          | IDR1.CMDQS
            IDR1=2e739c10          | IDR1.QUEUES_PRESET
            IDR1=4e739c10          | IDR1.TABLES_PRESET
            IDR1=8e739c10          | IDR1.ECMDQ
            IDR3=9534              | IDR3.DPT
            IDR3=11534             | IDR3.PASIDTT
            IDR3=21534             | IDR3.EPAN
            IDR3=41534             | IDR3.S1PI
            IDR3=81534             | IDR3.S2PI
            IDR3=101534            | IDR3.S2PO
            IDR3=201534            | IDR3.THE
            IDR3=401534            | IDR3.MTEPERM
            IDR3=801534            | IDR3.AIE
            IDR5=400005            | IDR5.GRAN4K, IDR5.GRAN16K and IDR5.GRAN64K
            IDR5=400875            | IDR5.VAX
            IDR5=400435            | IDR5.VAX
            IDR5=4000f5            | IDR5.DS
            IDR5=400175            | IDR5.D128
            AIDR=0                 | AIDR
            AIDR=4                 | AIDR
            AIDR=12                | AIDR
            IDR0=1084d369b         | IDR0
            IDR4=100000000         | IDR4
            IDR7=0                 | IDR7
            CAP=0                  | CAP
            """)
    void refusedRegisters(String registers, String capability) {
        var raw = registers(REGISTERS);
        raw.putAll(registers(registers));

        assertThatThrownBy(() -> SmmuCapabilities.raw(raw)).isInstanceOfSatisfying(RefusedException.class, refused -> {
            assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
            assertThat(refused.subjects()).containsEntry("capability", capability);
            assertThat(refused).hasMessageContaining(capability);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"IDR0", "IDR1", "IDR5"})
    void aRegisterThatIsNeeded(String missing) {
        var raw = registers(REGISTERS);
        raw.remove(missing);

        assertThatThrownBy(() -> SmmuCapabilities.raw(raw))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        refused -> assertThat(refused.subjects()).containsEntry("capability", missing));
    }

    /** What the rest of the unit asks. */
    @Test
    void questions() {
        var server = SmmuCapabilities.DEFAULT;
        assertThat(server.s1() && server.s2() && server.ats() && server.pri() && server.hyp() && server.msi())
                .isTrue();
        assertThat(server.outputBits()).isEqualTo(48);
        assertThat(server.inputBits()).isEqualTo(48);
        assertThat(server.beyondOutput()).isEqualTo(0xffff_0000_0000_0000L);
        assertThat(server.sidBits()).isEqualTo(16);
        assertThat(server.ssidBits()).isEqualTo(16);
        assertThat(server.pasidBits()).isEqualTo(16);
        assertThat(server.httuAccess() && server.httuDirty()).isTrue();
        assertThat(server.splitStageAts()).isTrue();
        assertThat(server.hasGranule(12) && server.hasGranule(14) && server.hasGranule(16))
                .isTrue();
        assertThat(server.hasGranule(13)).isFalse();
        assertThat(server.bigEndian() || server.vax52() || server.smallTables() || server.e0pd() || server.ptwnnc())
                .isFalse();
        assertThat(server.vmidWildcards() || server.recordsConfigurationAts()).isFalse();
        assertThat(server.stalls()).isTrue();
        assertThat(server.stallMax()).isEqualTo(64);

        var access = raw("IDR0=084d365b");
        assertThat(access.httuAccess()).isTrue();
        assertThat(access.httuDirty()).isFalse();
        assertThat(raw("IDR0=080d369b").bigEndian()).isTrue();
        assertThat(raw("IDR0=084f369b").vmidWildcards()).isTrue();
        assertThat(raw("IDR0=084f369a").vmidWildcards()).isFalse();
        assertThat(raw("IDR0=08cd369b").recordsConfigurationAts()).isTrue();
        assertThat(raw("IDR0=08cd329b").recordsConfigurationAts()).isFalse();
        assertThat(raw("IDR0=094d369b").stalls()).isFalse();
        assertThat(raw("IDR0=0a4d369b").stalls()).isTrue();
        assertThat(raw("IDR5=400475").vax52()).isTrue();
        assertThat(raw("IDR3=7534").ptwnnc()).isTrue();
        assertThat(raw("IDR1=0a739c10").attributePermissionsOverride()).isFalse();
        assertThat(raw("IDR1=0a739c10").attributeTypesOverride()).isTrue();
    }

    /** Whatever is asked for by name, what must not be without another is not, and the names can be asked for again. */
    @Test
    void whatIsGrantedHoldsTogether() {
        int granted = 0;
        for (long seed = 0; seed < 20_000; seed++) {
            var asked = randomNames(new Random(seed));
            SmmuCapabilities capabilities;
            try {
                capabilities = SmmuCapabilities.named(smmuNames(asked));
            } catch (RefusedException refused) {
                continue;
            }
            granted++;
            long idr0 = capabilities.idr0();
            assertThat(capabilities.named()).as("%s", asked).containsAllEntriesOf(asked);
            assertThat(SmmuCapabilities.named(smmuNames(capabilities.named()))).isEqualTo(capabilities);
            assertThat(SmmuCapabilities.raw(capabilities.registers())).isEqualTo(capabilities);
            assertNeeds(idr0, 9, 0, 1); // Hyp: both stages
            assertNeeds(idr0, 11, 0, 1, 10); // NS1ATS: both stages and ATS
            assertNeeds(idr0, 16, 10); // PRI: ATS
            assertThat(idr0 & 0x4022_8120L).as("not offered").isZero();
            assertThat(capabilities.stallMax() == 0 || capabilities.stalls()).isTrue();
        }
        assertThat(granted).isBetween(2_000, 18_000);
    }

    private static void assertNeeds(long word, int bit, int... others) {
        if ((word >>> bit & 1) != 0) {
            for (int other : others) {
                assertThat(word >>> other & 1).as("bit %d needs %d", bit, other).isOne();
            }
        }
    }

    // ---------------------------------------------------------------- names and registers as text

    private static SmmuCapabilities raw(String registers) {
        var raw = registers(REGISTERS);
        raw.putAll(registers(registers));
        return SmmuCapabilities.raw(raw);
    }

    private static Map<String, Object> randomNames(Random random) {
        var names = new LinkedHashMap<String, Object>();
        names(CURRENT_SERVER).forEach((name, value) -> {
            if (random.nextInt(6) != 0) {
                return;
            }
            names.put(
                    name,
                    switch (name) {
                        case "outputBits" -> List.of(32, 40, 44, 48, 52).get(random.nextInt(5));
                        case "granules" ->
                            List.of(List.of(0x1000L, 0x10000L), List.of(0x4000L))
                                    .get(random.nextInt(2));
                        case "stallModel" ->
                            List.of("both", "terminate-only", "stall-only").get(random.nextInt(3));
                        case "httu" -> List.of("none", "access", "dirty").get(random.nextInt(3));
                        case "streamIdBits", "pasidBits", "stallMax" -> random.nextInt(21);
                        case "architectureMinor" -> 1 + random.nextInt(3);
                        default -> value instanceof Boolean ? random.nextInt(3) > 0 : (Object) random.nextInt(20);
                    });
        });
        return names;
    }

    /** Reads {@code IDR0=84d369b AIDR=2}. */
    private static SequencedMap<String, Long> registers(String text) {
        var registers = new LinkedHashMap<String, Long>();
        for (var part : text.strip().split(" +")) {
            var sides = part.split("=");
            registers.put(sides[0], Long.parseUnsignedLong(sides[1], 16));
        }
        return registers;
    }

    private static Map<String, String> hex(Map<String, Long> registers) {
        var hex = new LinkedHashMap<String, String>();
        registers.forEach((name, value) -> hex.put(name, Long.toHexString(value)));
        return hex;
    }

    /** Reads {@code outputBits=48 granules=1000,4000 httu=none ats=false}; granules are hexadecimal. */
    private static Map<String, Object> names(String text) {
        var names = new LinkedHashMap<String, Object>();
        for (var part : text.isBlank() ? new String[0] : text.strip().split(" +")) {
            var name = part.substring(0, part.indexOf('='));
            var value = part.substring(part.indexOf('=') + 1);
            names.put(
                    name,
                    switch (name) {
                        case "stallModel", "httu" -> value;
                        case "granules" ->
                            Arrays.stream(value.split(","))
                                    .filter(size -> !size.isEmpty())
                                    .map(size -> Long.parseLong(size, 16))
                                    .toList();
                        default ->
                            value.equals("true") || value.equals("false")
                                    ? Boolean.valueOf(value)
                                    : (Object) Integer.valueOf(value);
                    });
        }
        return names;
    }

    private static SmmuNames smmuNames(Map<String, Object> names) {
        return JSON.convertValue(names, SmmuNames.class);
    }
}
