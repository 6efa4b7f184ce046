package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** IHI 0070, 6.3: registers and their side effects. Numbers are hexadecimal. */
class SmmuRegistersTest {
    private static final long MEMORY = 0x10000;
    private static final List<String> NAMES = List.of(
            "IDR0",
            "IDR1",
            "IDR2",
            "IDR3",
            "IDR4",
            "IDR5",
            "IIDR",
            "AIDR",
            "CR0",
            "CR0ACK",
            "CR1",
            "CR2",
            "STATUSR",
            "GBPA",
            "IRQ_CTRL",
            "IRQ_CTRLACK",
            "GERROR",
            "GERRORN",
            "GERROR_IRQ_CFG0",
            "GERROR_IRQ_CFG1",
            "GERROR_IRQ_CFG2",
            "STRTAB_BASE",
            "STRTAB_BASE_CFG",
            "CMDQ_BASE",
            "CMDQ_PROD",
            "CMDQ_CONS",
            "EVENTQ_BASE",
            "EVENTQ_IRQ_CFG0",
            "EVENTQ_IRQ_CFG1",
            "EVENTQ_IRQ_CFG2",
            "PRIQ_BASE",
            "PRIQ_IRQ_CFG0",
            "PRIQ_IRQ_CFG1",
            "PRIQ_IRQ_CFG2",
            "EVENTQ_PROD",
            "EVENTQ_CONS",
            "PRIQ_PROD",
            "PRIQ_CONS");

    /** A unit alone, which writes down what follows from writes to its registers. */
    private static final class Unit implements AutoCloseable {
        private final PhysicalMemory memory = new PhysicalMemory(MEMORY);
        private final RecordedEffects effects = new RecordedEffects();
        private final List<String> told = new ArrayList<>();
        private final SmmuRegisters registers;

        Unit(SmmuCapabilities capabilities) {
            registers = new SmmuRegisters(
                    memory,
                    capabilities,
                    effects,
                    new RegisterEffects() {
                        @Override
                        public void enabledChanged(boolean on) {
                            told.add(on ? "on" : "off");
                        }

                        @Override
                        public void eventsWritable() {
                            told.add("writable");
                        }
                    },
                    address -> {});
        }

        Unit write(String values) {
            registers.write(registers(values));
            return this;
        }

        long read(String name) {
            return registers.all().getOrDefault(name, -1L);
        }

        List<String> told() {
            var taken = List.copyOf(told);
            told.clear();
            return taken;
        }

        void put(long at, long... words) {
            memory.commit(AddressRange.of(at, words.length * 8L));
            for (int i = 0; i < words.length; i++) {
                memory.release(at + 8L * i, words[i]);
            }
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    private Unit unit = new Unit(SmmuCapabilities.DEFAULT);

    @AfterEach
    void close() {
        unit.close();
    }

    private void become(String registers) {
        unit.close();
        var raw = registers("IDR0=084d369b IDR1=0e739c10 IDR3=1534 IDR5=400075");
        raw.putAll(registers(registers));
        unit = new Unit(SmmuCapabilities.raw(raw));
    }

    /** Reads {@code CR0=1 GBPA=80100000}. */
    private static SequencedMap<String, Long> registers(String text) {
        var registers = new LinkedHashMap<String, Long>();
        for (var part : text.strip().split(" +")) {
            registers.put(part.split("=")[0], Long.parseUnsignedLong(part.split("=")[1], 16));
        }
        return registers;
    }

    @Test
    void afterReset() {
        var all = unit.registers.all();

        assertThat(all.keySet()).containsExactlyElementsOf(NAMES);
        all.forEach((name, value) -> assertThat(value)
                .as(name)
                .isEqualTo(
                        switch (name) {
                            case "IDR0" -> 0x084d369bL;
                            case "IDR1" -> 0x0e739c10L;
                            case "IDR3" -> 0x1534L;
                            case "IDR5" -> 0x400075L;
                            case "AIDR" -> 2L;
                            case "GBPA" -> 0x1000L;
                            default -> 0L;
                        }));
        assertThat(unit.registers.state())
                .isEqualTo(new SmmuState(false, false, false, false, false, 0, 0, 6, false, 0x1000));
    }

    /** What is read back after ones have been written everywhere, nothing being on. */
    @ParameterizedTest(name = "{0} {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            register        | reads            | unit
            CR0             | 1f               |
            CR0ACK          | 1f               |
            CR0             | 1df              | IDR0=084f369b
            CR0             | d                | IDR0=084c329b
            CR1             | fff              |
            CR2             | 3                |
            CR2             | 7                | IDR0=084d36bb
            CR2             | b                | IDR0=08cd369b
            CR2             | 2                | IDR0=084d349b
            GBPA            | 1f3f1f           |
            IRQ_CTRL        | 7                |
            IRQ_CTRLACK     | 7                |
            IRQ_CTRL        | 5                | IDR0=084c369b
            GERRORN         | 1fd              |
            GERRORN         | 105              | IDR0=084c169b
            GERRORN         | 1b5              | IDR0=084c369b
            GERRORN         | 10d              | IDR0=084d169b
            GERROR_IRQ_CFG0 | ffffffffffffc    |
            GERROR_IRQ_CFG1 | ffffffff         |
            GERROR_IRQ_CFG2 | 3f               |
            GERROR_IRQ_CFG0 | 0                | IDR0=084d169b
            GERROR_IRQ_CFG1 | 0                | IDR0=084d169b
            GERROR_IRQ_CFG2 | 0                | IDR0=084d169b
            STRTAB_BASE     | 400fffffffffffc0 |
            STRTAB_BASE_CFG | 307ff            |
            STRTAB_BASE_CFG | 3f               | IDR0=004d369b IDR1=0e739c06
            CMDQ_BASE       | 400fffffffffffff |
            CMDQ_PROD       | 1                |
            CMDQ_CONS       | 7f000001         |
            EVENTQ_BASE     | 400fffffffffffff |
            EVENTQ_IRQ_CFG0 | ffffffffffffc    |
            EVENTQ_IRQ_CFG1 | ffffffff         |
            EVENTQ_IRQ_CFG2 | 3f               |
            EVENTQ_PROD     | 80000001         |
            EVENTQ_CONS     | 80000001         |
            PRIQ_BASE       | 400fffffffffffff |
            PRIQ_IRQ_CFG0   | ffffffffffffc    |
            PRIQ_IRQ_CFG1   | ffffffff         |
            PRIQ_IRQ_CFG2   | 8000003f         |
            PRIQ_IRQ_CFG2   | 80000000         | IDR0=084d169b
            PRIQ_PROD       | 80000001         |
            PRIQ_CONS       | 80000001         |
            """)
    void bitsThatAreThere(String register, String reads, @Nullable String capabilities) {
        if (capabilities != null) {
            become(capabilities);
        }
        boolean wide = register.endsWith("_BASE") || register.endsWith("_CFG0");
        var written = switch (register) {
            case "CR0ACK" -> "CR0";
            case "IRQ_CTRLACK" -> "IRQ_CTRL";
            default -> register;
        };

        unit.write(written + "=" + (wide ? "ffffffffffffffff" : "ffffffff"));

        assertThat(Long.toHexString(unit.read(register))).isEqualTo(reads);
    }

    /** What is guarded keeps its value while that which it serves is on. */
    @ParameterizedTest(name = "{0} while {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            register        | written  | while      | reads
            STRTAB_BASE     | 2000     | CR0=1      | 1000
            STRTAB_BASE     | 2000     | CR0=e      | 2000
            STRTAB_BASE_CFG | 5        | CR0=1      | 4
            STRTAB_BASE_CFG | 5        | CR0=e      | 5
            CR2             | 1        | CR0=1      | 2
            CR2             | 1        | CR0=e      | 1
            CR1             | 0        | CR0=1      | fc0
            CR1             | 0        | CR0=2      | 3f
            CR1             | 0        | CR0=4      | 3f
            CR1             | 0        | CR0=8      | 3f
            CR1             | 0        | CR0=f      | fff
            CR1             | 0        | CR0=10     | 0
            CMDQ_BASE       | 2004     | CR0=8      | 1003
            CMDQ_BASE       | 2004     | CR0=7      | 2004
            CMDQ_CONS       | 5        | CR0=8      | 2
            CMDQ_CONS       | 5        | CR0=7      | 5
            EVENTQ_BASE     | 2004     | CR0=4      | 1003
            EVENTQ_BASE     | 2004     | CR0=b      | 2004
            EVENTQ_PROD     | 5        | CR0=4      | 2
            EVENTQ_PROD     | 5        | CR0=b      | 5
            EVENTQ_CONS     | 1        | CR0=4      | 1
            PRIQ_BASE       | 2004     | CR0=2      | 1003
            PRIQ_BASE       | 2004     | CR0=d      | 2004
            PRIQ_PROD       | 5        | CR0=2      | 2
            PRIQ_PROD       | 5        | CR0=d      | 5
            PRIQ_CONS       | 1        | CR0=2      | 1
            GERROR_IRQ_CFG0 | 2000     | IRQ_CTRL=1 | 1000
            GERROR_IRQ_CFG0 | 2000     | IRQ_CTRL=6 | 2000
            GERROR_IRQ_CFG1 | 5        | IRQ_CTRL=1 | 4
            GERROR_IRQ_CFG2 | 5        | IRQ_CTRL=1 | 4
            PRIQ_IRQ_CFG0   | 2000     | IRQ_CTRL=2 | 1000
            PRIQ_IRQ_CFG0   | 2000     | IRQ_CTRL=5 | 2000
            PRIQ_IRQ_CFG1   | 5        | IRQ_CTRL=2 | 4
            PRIQ_IRQ_CFG2   | 80000005 | IRQ_CTRL=2 | 4
            PRIQ_IRQ_CFG2   | 80000005 | IRQ_CTRL=5 | 80000005
            EVENTQ_IRQ_CFG0 | 2000     | IRQ_CTRL=4 | 1000
            EVENTQ_IRQ_CFG0 | 2000     | IRQ_CTRL=3 | 2000
            EVENTQ_IRQ_CFG1 | 5        | IRQ_CTRL=4 | 4
            EVENTQ_IRQ_CFG2 | 5        | IRQ_CTRL=4 | 4
            GBPA            | 80000000 | CR0=f      | 0
            """)
    void guards(String register, String written, String during, String reads) {
        unit.write(
                "STRTAB_BASE=1000 STRTAB_BASE_CFG=4 CR1=fff CR2=2 CMDQ_BASE=1003 CMDQ_CONS=2 CMDQ_PROD=2 EVENTQ_BASE=1003"
                        + " EVENTQ_PROD=2 EVENTQ_CONS=2 PRIQ_BASE=1003 PRIQ_PROD=2 PRIQ_CONS=2 GERROR_IRQ_CFG0=1000"
                        + " GERROR_IRQ_CFG1=4 GERROR_IRQ_CFG2=4 PRIQ_IRQ_CFG0=1000 PRIQ_IRQ_CFG1=4 PRIQ_IRQ_CFG2=4"
                        + " EVENTQ_IRQ_CFG0=1000 EVENTQ_IRQ_CFG1=4 EVENTQ_IRQ_CFG2=4");
        unit.write(during);

        unit.write(register + "=" + written);

        assertThat(Long.toHexString(unit.read(register))).isEqualTo(reads);
        // and all of it can be written again when it is off
        unit.write("CR0=0 IRQ_CTRL=0").write(register + "=" + written);
        long value = Long.parseLong(written, 16);
        assertThat(unit.read(register)).isEqualTo(register.equals("GBPA") ? 0 : value);
    }

    /** A size beyond IDR1's reads back, and counts as that. */
    @Test
    void theLargestQueues() {
        become("IDR1=430c10");
        unit.write("CMDQ_BASE=1f EVENTQ_BASE=1f PRIQ_BASE=1f");
        unit.write(
                "CMDQ_PROD=ffffffff CMDQ_CONS=fffff EVENTQ_PROD=fffff EVENTQ_CONS=fffff PRIQ_PROD=fffff PRIQ_CONS=fffff");

        assertThat(unit.registers.all())
                .containsAllEntriesOf(registers("CMDQ_BASE=1f CMDQ_PROD=7 CMDQ_CONS=7 EVENTQ_BASE=1f EVENTQ_PROD=f"
                        + " EVENTQ_CONS=f PRIQ_BASE=1f PRIQ_PROD=3 PRIQ_CONS=3"));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            written | reads | why
            1       | 1000  | a write without Update is none
            80000001 | 1    | with it, it is, and Update is clear again
            80100000 | 100000 |
            ffffffff | 1f3f1f |
            """)
    void gbpa(String written, String reads, @Nullable String why) {
        unit.write("GBPA=" + written);

        assertThat(Long.toHexString(unit.read("GBPA"))).as(why).isEqualTo(reads);
        assertThat(Long.toHexString(unit.registers.state().gbpa())).isEqualTo(reads);
    }

    /** What a transaction sees of the Stream table: aligned by the size that is written, not the one that is used. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            registers                                              | base          | bits | split | two levels
            STRTAB_BASE=4000000080000000 STRTAB_BASE_CFG=8         | 80000000      | 8    | 6     | false
            STRTAB_BASE=4000000080003fc0 STRTAB_BASE_CFG=8         | 80000000      | 8    | 6     | false
            STRTAB_BASE=4000000080007fc0 STRTAB_BASE_CFG=8         | 80004000      | 8    | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=0         | fffffffffffc0 | 0    | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=1         | fffffffffff80 | 1    | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=10        | fffffffc00000 | 10   | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=14        | ffffffc000000 | 10   | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=20        | fffc000000000 | 10   | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=39        | 0             | 10   | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=3a        | 0             | 10   | 6     | false
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=3f        | 0             | 10   | 6     | false
            STRTAB_BASE=4000000080040000 STRTAB_BASE_CFG=10188     | 80040000      | 8    | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=10188     | fffffffffffc0 | 8    | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=10189     | fffffffffffc0 | 9    | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=1018a     | fffffffffff80 | a    | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=10190     | fffffffffe000 | 10   | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=10210     | ffffffffff800 | 10   | 8     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=10290     | ffffffffffe00 | 10   | a     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=102a0     | ffffffe000000 | 10   | a     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=10010     | fffffffffe000 | 10   | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=101d0     | fffffffffe000 | 10   | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=107d0     | fffffffffe000 | 10   | 6     | true
            STRTAB_BASE=ffffffffffffffff STRTAB_BASE_CFG=101bf     | 0             | 10   | 6     | true
            STRTAB_BASE=1000 STRTAB_BASE_CFG=20188                 | 0             | 8    | 6     | false
            STRTAB_BASE=4000 STRTAB_BASE_CFG=30188                 | 4000          | 8    | 6     | false
            """)
    void streamTable(String registers, String base, String bits, String split, boolean twoLevel) {
        unit.write(registers);

        var state = unit.registers.state();
        assertThat(state.streamBits()).isEqualTo(Integer.parseInt(bits, 16));
        assertThat(state.split()).isEqualTo(Integer.parseInt(split, 16));
        assertThat(state.twoLevel()).isEqualTo(twoLevel);
        assertThat(Long.toHexString(state.strtabBase())).isEqualTo(base);
    }

    @Test
    void aUnitWithoutTwoLevelStreamTables() {
        become("IDR0=004d369b IDR1=0e739c06");
        unit.write("STRTAB_BASE=7fff STRTAB_BASE_CFG=10188");

        assertThat(unit.registers.state().twoLevel()).isFalse();
        assertThat(unit.registers.state().streamBits()).isEqualTo(6);
        assertThat(unit.registers.state().strtabBase()).isEqualTo(0x4000);
    }

    /** What a transaction sees of the rest. */
    @Test
    void switches() {
        become("IDR0=08cd369b");
        unit.write("CR2=b");
        assertThat(unit.registers.state())
                .isEqualTo(new SmmuState(false, false, true, true, true, 0, 0, 6, false, 0x1000));
        unit.write("CR0=1");
        assertThat(unit.registers.state())
                .isEqualTo(new SmmuState(true, false, true, true, true, 0, 0, 6, false, 0x1000));
        unit.write("CR0=11 CR2=0");
        assertThat(unit.registers.state())
                .isEqualTo(new SmmuState(true, true, true, true, true, 0, 0, 6, false, 0x1000));
        unit.write("CR0=0 CR2=0");
        assertThat(unit.registers.state())
                .isEqualTo(new SmmuState(false, false, false, false, false, 0, 0, 6, false, 0x1000));
    }

    @Test
    void turningTranslationOnAndOffIsTold() {
        unit.write("CR0=8");
        assertThat(unit.told()).isEmpty();
        unit.write("CR0=9");
        unit.write("CR0=1");
        assertThat(unit.told()).containsExactly("on");
        unit.write("CR0=0");
        assertThat(unit.told()).containsExactly("off");
    }

    /** Whoever is told that it is off finds it so. */
    @Test
    void theStateIsThereBeforeItIsTold() {
        var seen = new AtomicBoolean();
        var holder = new SmmuRegisters[1];
        holder[0] = new SmmuRegisters(
                unit.memory,
                SmmuCapabilities.DEFAULT,
                unit.effects,
                on -> seen.set(holder[0].state().enabled() == on),
                address -> {});

        holder[0].write(registers("CR0=1"));
        assertThat(seen).isTrue();
        seen.set(false);
        holder[0].write(registers("CR0=0"));
        assertThat(seen).isTrue();
    }

    // ---------------------------------------------------------------- refusals

    @ParameterizedTest
    @ValueSource(
            strings = {
                "IDR0",
                "IDR1",
                "IDR2",
                "IDR3",
                "IDR4",
                "IDR5",
                "IIDR",
                "AIDR",
                "CR0ACK",
                "STATUSR",
                "IRQ_CTRLACK",
                "GERROR"
            })
    void readOnly(String name) {
        assertRefused("CR1=7 " + name + "=0", name, name + " is read-only");
    }

    @ParameterizedTest
    @ValueSource(strings = {"GCMD", "cr0", "SMMU_CR0", "IDR6", "EVENTQ_IRQ_CFG3", ""})
    void unknown(String name) {
        assertRefused("CR1=7 " + name + "=0", name, "CR0, CR1, CR2, GBPA, IRQ_CTRL, GERRORN, GERROR_IRQ_CFG0");
    }

    @Test
    void aUnitWithoutPriHasNoRegistersForIt() {
        become("IDR0=084c369b");

        assertThat(unit.registers.all().keySet())
                .containsExactlyElementsOf(
                        NAMES.stream().filter(name -> !name.startsWith("PRIQ")).toList());
        assertRefused("CR1=7 PRIQ_BASE=0", "PRIQ_BASE", "there is no register 'PRIQ_BASE'");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CR0",
                "CR1",
                "CR2",
                "GBPA",
                "IRQ_CTRL",
                "GERRORN",
                "GERROR_IRQ_CFG1",
                "GERROR_IRQ_CFG2",
                "STRTAB_BASE_CFG",
                "CMDQ_PROD",
                "CMDQ_CONS",
                "EVENTQ_IRQ_CFG1",
                "EVENTQ_IRQ_CFG2",
                "EVENTQ_PROD",
                "EVENTQ_CONS",
                "PRIQ_IRQ_CFG1",
                "PRIQ_IRQ_CFG2",
                "PRIQ_PROD",
                "PRIQ_CONS"
            })
    void tooWide(String name) {
        var first = name.equals("CR1") ? "STRTAB_BASE=40" : "CR1=7";
        assertRefused(first + " " + name + "=100000000", name, name + " has 32 bits, 0x100000000 has more");
    }

    private void assertRefused(String values, String name, String message) {
        var before = unit.registers.all();

        assertThatThrownBy(() -> unit.write(values)).isInstanceOfSatisfying(RefusedException.class, refused -> {
            assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
            assertThat(refused.subjects()).containsEntry("register", name);
            assertThat(refused).hasMessageContaining(message);
        });

        assertThat(unit.registers.all()).isEqualTo(before);
    }

    // ---------------------------------------------------------------- commands

    /** A queue in memory, as a driver sets it up, from its first command to one that is wrong and mended. */
    @Test
    void commandsFromEndToEnd() {
        unit.put(0x2000, 0x2100000003L, 1, 0x1000000013L, 0x1234567000L, 0x5500001046L, 0x3000);
        unit.write("CMDQ_BASE=4000000000002002 CMDQ_PROD=0 CMDQ_CONS=0 CR1=d75 CR0=8")
                .write("CMDQ_PROD=3");
        assertThat(unit.effects.take())
                .containsExactly("ste 21 leaf", "NH_VAA vmid 10/ffff asid 0 1234567000..1234567fff granule 0 level 0");
        assertThat(unit.read("CMDQ_CONS")).isEqualTo(3);
        assertThat(unit.memory.acquire(0x3000)).isEqualTo(0x55);

        unit.put(0x2030, 0xff, 0);
        unit.put(0x2000, 0x46, 0);
        unit.write("CMDQ_PROD=5");
        assertThat(unit.read("CMDQ_CONS")).isEqualTo(0x0100_0003);
        assertThat(unit.read("GERROR")).isEqualTo(1);
        assertThat(unit.registers.commandsStand()).isTrue();

        unit.put(0x2030, 0x30, 0);
        unit.write("GERRORN=1");
        assertThat(unit.effects.take())
                .containsExactly("NSNH_ALL vmid 0/0 asid 0 0..ffffffffffffffff granule 0 level 0");
        assertThat(unit.read("CMDQ_CONS") & 0xfffff).isEqualTo(5);
        assertThat(unit.registers.commandsStand()).isFalse();
    }

    /** Every reason for the queue to stand, and that software gets it to go on. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            why                 | base       | w0         | cons
            CERROR_ILL          | 2001       | ff         | 1000001
            CERROR_ABT          | 10001      | 46         | 2000000
            CERROR_ATC_INV_SYNC | 2001       | 46         | 3000001
            """)
    void errors(String why, String base, String w0, String cons) {
        if (why.equals("CERROR_ATC_INV_SYNC")) {
            unit.effects.silence(0x21);
        }
        unit.put(0x2000, 0x2100000040L, 0x34, Long.parseLong(w0, 16), 0);
        unit.write("GERROR_IRQ_CFG0=3004 GERROR_IRQ_CFG1=77 IRQ_CTRL=1");
        unit.write("CMDQ_BASE=" + base + " CMDQ_PROD=2 CR0=9");

        assertThat(Long.toHexString(unit.read("CMDQ_CONS"))).isEqualTo(cons);
        assertThat(CommandError.valueOf(why).number()).isEqualTo((int) (unit.read("CMDQ_CONS") >>> 24));
        assertThat(unit.read("GERROR")).isEqualTo(1);
        assertThat(unit.memory.acquire(0x3000)).isEqualTo(0x77_0000_0000L);

        unit.put(0x2010, 0x46, 0);
        unit.write("CR0=1 CMDQ_BASE=2001").write("CR0=9");
        assertThat(unit.registers.commandsStand()).isTrue();
        unit.write("GERRORN=1");
        assertThat(unit.read("CMDQ_CONS") & 0xfffff).isEqualTo(2);
        assertThat(unit.registers.commandsStand()).isFalse();
    }

    @Test
    void submittedCommands() {
        unit.write("CR0=0");

        assertThat(unit.registers.submit(0x2100000003L, 0)).isNull();
        assertThat(unit.registers.submit(0xff, 0)).isEqualTo(CommandError.CERROR_ILL);
        assertThat(unit.effects.take()).containsExactly("ste 21");
        assertThat(unit.read("GERROR")).isZero();
        assertThat(unit.read("CMDQ_CONS")).isZero();
    }

    /** CR0 reaches what commands do: whether devices are spoken to, and which bits of VMIDs count. */
    @Test
    void commandsFollowCr0() {
        become("IDR0=084f369b");
        unit.registers.submit(0x2100000040L, 0x34);
        assertThat(unit.effects.take()).isEmpty();
        unit.write("CR0=c1");
        unit.registers.submit(0x2100000040L, 0x34);
        unit.registers.submit(0x1700000028L, 0);
        assertThat(unit.effects.take())
                .containsExactly(
                        "atc 21 - 0..ffffffffffffffff",
                        "S12_VMALL vmid 10/fff8 asid 0 0..ffffffffffffffff granule 0 level 0");
        unit.write("CR0=1c1");
        unit.registers.submit(0x1700000028L, 0);
        assertThat(unit.effects.take())
                .containsExactly("S12_VMALL vmid 17/ffff asid 0 0..ffffffffffffffff granule 0 level 0");
    }

    // ---------------------------------------------------------------- events

    private static long[] event() {
        return EventRecord.of(SmmuEvent.C_BAD_STE, 0x21, 5).words();
    }

    @Test
    void eventsFromEndToEnd() {
        unit.write("EVENTQ_BASE=4000000000002001 EVENTQ_PROD=0 EVENTQ_CONS=0 EVENTQ_IRQ_CFG0=3000 EVENTQ_IRQ_CFG1=5");
        unit.write("IRQ_CTRL=4 CR0=4");
        var events = unit.registers.events();
        assertThat(unit.told()).containsExactly("writable");

        assertThat(events.write(event(), false)).isEqualTo(EventQueue.Outcome.WRITTEN);
        assertThat(unit.memory.acquire(0x3000)).isEqualTo(5);
        assertThat(unit.read("EVENTQ_PROD")).isEqualTo(1);
        events.write(event(), false);
        events.write(event(), false);
        assertThat(unit.read("EVENTQ_PROD")).isEqualTo(0x80000002L);
        assertThat(events.write(event(), true)).isEqualTo(EventQueue.Outcome.PENDING);
        assertThat(unit.told()).isEmpty();

        unit.write("EVENTQ_CONS=1");
        assertThat(unit.told()).containsExactly("writable");
        assertThat(events.overflowed()).isTrue();
        assertThat(events.faults(sid -> Rid.ofSourceId(0, sid))).hasSize(1);

        unit.registers.clearEvents();
        assertThat(unit.told()).containsExactly("writable");
        assertThat(unit.read("EVENTQ_CONS")).isEqualTo(0x80000002L);
        assertThat(events.overflowed()).isFalse();
    }

    /** An aborted write is acknowledged by GERRORN, and then pending records can be tried again. */
    @Test
    void anAbortedEvent() {
        unit.write("EVENTQ_BASE=10001 CR0=4");
        var events = unit.registers.events();
        unit.told();
        assertThat(events.write(event(), true)).isEqualTo(EventQueue.Outcome.PENDING);
        assertThat(unit.read("GERROR")).isEqualTo(4);

        unit.write("CR0=0 EVENTQ_BASE=2001").write("CR0=4");
        assertThat(unit.told()).isEmpty();
        unit.write("GERRORN=4");
        assertThat(unit.told()).containsExactly("writable");
        assertThat(events.write(event(), true)).isEqualTo(EventQueue.Outcome.WRITTEN);
    }

    /** Each global error turns its bit, once until it is acknowledged, and back the next time. */
    @Test
    void globalErrorsTurn() {
        unit.write("CMDQ_BASE=2001 CR0=8");
        unit.put(0x2000, 0x5500001046L, MEMORY);
        for (int i = 0; i < 5; i++) {
            long turned = i % 2 == 0 ? 0x10 : 0;
            unit.registers.submit(0x5500001046L, MEMORY);
            assertThat(unit.read("GERROR")).isEqualTo(turned);
            unit.registers.submit(0x5500001046L, MEMORY);
            assertThat(unit.read("GERROR")).isEqualTo(turned);
            unit.write("GERRORN=%x".formatted(turned));
        }
    }

    /** Beside a plain list of commands: what is in the ring is done once, in order, whatever registers are written meanwhile. */
    @ParameterizedTest
    @ValueSource(ints = {0, 2, 6})
    void randomWrites(int bits) {
        var random = new Random(bits);
        unit.write("CMDQ_BASE=%x EVENTQ_BASE=%x".formatted(0x2000 | bits, 0x8000 | bits));
        var waiting = new ArrayList<String>();
        int producer = 0;
        boolean on = false;
        boolean error = false;
        for (int i = 0; i < 3_000; i++) {
            switch (random.nextInt(6)) {
                case 0 -> {
                    on = random.nextInt(4) > 0;
                    unit.write("CR0=%x".formatted(on ? 0xc : 4));
                }
                case 1 -> {
                    unit.write("GERRORN=%x".formatted(unit.read("GERROR")));
                    error = false;
                }
                case 2 -> unit.write("STRTAB_BASE=%x CR1=%x".formatted(random.nextLong(), random.nextInt(0x1000)));
                case 3 -> unit.write("CMDQ_BASE=%x CMDQ_CONS=%x".formatted(0x2000 | bits, unit.read("CMDQ_CONS")));
                default -> {
                    int room = (1 << bits) - waiting.size();
                    for (int j = random.nextInt(room + 1); j > 0; j--) {
                        int sid = random.nextInt(0x10000);
                        boolean wrong = random.nextInt(30) == 0;
                        unit.put(0x2000 + (producer & (1 << bits) - 1) * 16L, wrong ? 0 : (long) sid << 32 | 3, 0);
                        waiting.add(wrong ? "wrong" : "ste %x".formatted(sid));
                        producer = producer + 1 & (2 << bits) - 1;
                    }
                    unit.write("CMDQ_PROD=%x".formatted(producer));
                }
            }
            var expected = new ArrayList<String>();
            while (on && !error && !waiting.isEmpty()) {
                if (waiting.getFirst().equals("wrong")) {
                    error = true;
                } else {
                    expected.add(waiting.removeFirst());
                }
            }
            assertThat(unit.effects.take()).isEqualTo(expected);
            assertThat(unit.registers.commandsStand()).isEqualTo(error);
            assertThat(unit.read("CMDQ_CONS") & 0xfffff).isEqualTo(producer - waiting.size() & (2 << bits) - 1);
            if (error && random.nextInt(3) == 0) { // mend it
                int at = producer - waiting.size() & (1 << bits) - 1;
                unit.put(0x2000 + at * 16L, 0xf00000003L, 0);
                waiting.set(0, "ste f");
            }
        }
        assertThat(Arrays.asList(0L, 1L)).contains(unit.read("GERROR"));
    }

    /** Records are written while registers are, from several threads: none is lost that was said to be written. */
    @Test
    void eventsFromManyThreads() throws InterruptedException {
        unit.write("EVENTQ_BASE=8006 CR0=4");
        var events = unit.registers.events();
        var counts = new int[4];
        var threads = new ArrayList<Thread>();
        for (int thread = 0; thread < counts.length; thread++) {
            int number = thread;
            threads.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < 2_000; i++) {
                    if (events.write(event(), false) == EventQueue.Outcome.WRITTEN) {
                        counts[number]++;
                    }
                }
            }));
        }
        int consumed = 0;
        int read = 0;
        while (threads.stream().anyMatch(Thread::isAlive)) {
            int produced = (int) unit.read("EVENTQ_PROD") & 0x7f;
            read += produced - consumed & 0x7f;
            consumed = produced;
            unit.write("EVENTQ_CONS=%x CR1=0".formatted(consumed));
        }
        for (var thread : threads) {
            thread.join();
        }
        read += (int) unit.read("EVENTQ_PROD") - consumed & 0x7f;
        assertThat(read).isEqualTo(Arrays.stream(counts).sum());
        assertThat(read).isPositive();
    }

    @Test
    void capabilitiesAreThere() {
        become("IDR2=e AIDR=3");
        assertThat(unit.registers.all()).containsAllEntriesOf(Map.of("IDR2", 0xeL, "AIDR", 3L, "IDR4", 0L, "IIDR", 0L));
    }
}
