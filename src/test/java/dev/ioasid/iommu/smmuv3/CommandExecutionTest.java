package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** IHI 0070, chapter 4: what commands do, and which ones are refused. */
class CommandExecutionTest {
    private static final Map<String, Long> CURRENT_SERVER =
            Map.of("IDR0", 0x084d369bL, "IDR1", 0x0e739c10L, "IDR3", 0x1534L, "IDR5", 0x400075L);

    private final PhysicalMemory memory = new PhysicalMemory(0x10000);
    private final RecordedEffects effects = new RecordedEffects();

    @AfterEach
    void close() {
        memory.close();
    }

    private CommandExecution unit(@Nullable String registers) {
        var raw = new LinkedHashMap<>(CURRENT_SERVER);
        for (var part : registers == null ? new String[0] : registers.split(" +")) {
            raw.put(part.split("=")[0], Long.parseLong(part.split("=")[1], 16));
        }
        var capabilities = SmmuCapabilities.raw(raw);
        var writes = new UnitWrites(memory, address -> {});
        var execution = new CommandExecution(
                capabilities, effects, writes, new GlobalErrors(capabilities, new Msi(writes, capabilities.msi(), 0)));
        execution.setTranslating(true);
        return execution;
    }

    private static long word(String hex) {
        return Long.parseUnsignedLong(hex.replace("_", ""), 16);
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1               | done
            0000002100005801 | 0                |
            0000002100005802 | 00007fabcdef1003 |
            0000002100000003 | 1                | ste 21 leaf
            0000002100000003 | 0                | ste 21
            0000ffff00000003 | 0                | ste ffff
            0001000000000003 | 0                |
            ffffffff00000003 | 0                |
            0000002000000004 | 4                | stes 20..3f
            0000003500000004 | 4                | stes 20..3f
            0000003500000004 | 0                | stes 34..35
            8000003500000004 | 1e               | stes 80000000..ffffffff
            0000003500000004 | 1e               | stes 0..7fffffff
            0000003500000004 | 1f               | every ste
            0000002100005005 | 1                | cd 21 5 leaf
            0000002100005005 | 0                | cd 21 5
            000000210ffff005 | 0                | cd 21 ffff
            0000002110000005 | 0                |
            0001000000005005 | 0                |
            0000002100000006 | 0                | cds 21
            0001000000000006 | 0                |
            0000001100000010 | 0                | NH_ALL vmid 11/ffff asid 0 0..ffffffffffffffff granule 0 level 0
            0025000700000011 | 0                | NH_ASID vmid 7/ffff asid 25 0..ffffffffffffffff granule 0 level 0
            0025000700000012 | 00007fabcdef1001 | NH_VA vmid 7/ffff asid 25 7fabcdef1000..7fabcdef1fff granule 0 level 0 leaf
            0000001100000013 | 0000001234567000 | NH_VAA vmid 11/ffff asid 0 1234567000..1234567fff granule 0 level 0
            fffffffffffff013 | fffffffffffff0ff | NH_VAA vmid ffff/ffff asid 0 fffffffffffff000..ffffffffffffffff granule 0 level 0 leaf
            0025000700114012 | 0000000010000701 | NH_VA vmid 7/ffff asid 25 10000000..10029fff granule 12 level 3 leaf
            0025000700114012 | 0000000010000401 | NH_VA vmid 7/ffff asid 25 10000000..10029fff granule 12 level 0 leaf
            0000000000000020 | 0                | EL2_ALL vmid 0/0 asid 0 0..ffffffffffffffff granule 0 level 0
            ffffffff00000020 | 0                | EL2_ALL vmid 0/0 asid 0 0..ffffffffffffffff granule 0 level 0
            0003000000000021 | 0                | EL2_ASID vmid 0/0 asid 3 0..ffffffffffffffff granule 0 level 0
            0003000000000022 | ffff800012345001 | EL2_VA vmid 0/0 asid 3 ffff800012345000..ffff800012345fff granule 0 level 0 leaf
            0003000000000023 | ffff800012345001 | EL2_VAA vmid 0/0 asid 0 ffff800012345000..ffff800012345fff granule 0 level 0 leaf
            0000001100000028 | 0                | S12_VMALL vmid 11/ffff asid 0 0..ffffffffffffffff granule 0 level 0
            000000110000002a | 0000000050123001 | S2_IPA vmid 11/ffff asid 0 50123000..50123fff granule 0 level 0 leaf
            000000110000002a | fff0000050123001 | S2_IPA vmid 11/ffff asid 0 50123000..50123fff granule 0 level 0 leaf
            0000000000000030 | 0                | NSNH_ALL vmid 0/0 asid 0 0..ffffffffffffffff granule 0 level 0
            0000001100000030 | 0                | NSNH_ALL vmid 0/0 asid 0 0..ffffffffffffffff granule 0 level 0
            0000002100005840 | 0000000000010003 | atc 21 5 10000..17fff
            0000002100005840 | 0000000000013003 | atc 21 5 10000..17fff
            0000002100005a40 | 0000000000013003 | atc 21 5 global 10000..17fff
            0000002100005240 | 0000000000013000 | atc 21 - 13000..13fff
            0000002100000040 | 34               | atc 21 - 0..ffffffffffffffff
            0000002100000040 | ffffffffffffff34 | atc 21 - 0..ffffffffffffffff
            0000002100000040 | ffffffffffffff33 | atc 21 - 8000000000000000..ffffffffffffffff
            0001000000000040 | 34               |
            0000002110000840 | 34               |
            0000002100005841 | 201b             | respond 21 5 group 1b: 2
            0000002100005041 | 01ff             | respond 21 - group 1ff: 0
            0000002100005041 | 1000             | respond 21 - group 0: 1
            0000002110000841 | 1000             |
            0001000000005041 | 1000             |
            0000002100001044 | 1c               | retry 21 1c
            0000002100003044 | 1c               | retry 21 1c
            0000002100002044 | 1c               | abort 21 1c
            0000002100000044 | ffff             | raz/wi 21 ffff
            0001000000000044 | ffff             |
            0000002100000045 | 0                | terminate 21
            0001000000000045 | 0                |
            0000000000000046 | 0                |
            0000000000002046 | 0                |
            """)
    void done(String w0, String w1, @Nullable String done) {
        assertThat(unit(null).execute(word(w0), word(w1))).isNull();

        assertThat(effects.take()).isEqualTo(done == null ? List.of() : List.of(done));
    }

    /** Ranges: what they cover, and where they cannot begin. */
    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1               | done
            0000000000001013 | 0000000000001400 | 1000..2fff granule 12 level 0
            0000000000000013 | 0000000000001700 | 1000..1fff granule 12 level 3
            0000000000000013 | 0000000000200600 | 200000..200fff granule 12 level 2
            0000000000000013 | 0000000040000500 | 40000000..40000fff granule 12 level 1
            0000000000001013 | 0000000000004800 | 4000..bfff granule 14 level 0
            0000000000001013 | 0000000000004900 | 4000..bfff granule 14 level 0
            0000000000000013 | 0000000002000a00 | 2000000..2003fff granule 14 level 2
            0000000000000013 | 0000000000004b00 | 4000..7fff granule 14 level 3
            0000000000001013 | 0000000000010c00 | 10000..2ffff granule 16 level 0
            0000000000000013 | 0000040000000d00 | 40000000000..4000000ffff granule 16 level 1
            0000000000000013 | 0000000020000e00 | 20000000..2000ffff granule 16 level 2
            0000000000000013 | 0000000000010f00 | 10000..1ffff granule 16 level 3
            0000000001f1f013 | 0000000000000400 | 0..ffffffffffff granule 12 level 0
            0000000001f1f013 | 0000000000000c00 | 0..fffffffffffff granule 16 level 0
            0000000001f1f013 | fffff00000000c00 | fffff00000000000..ffffffffffffffff granule 16 level 0
            0000000000101013 | ffffffffffffd400 | ffffffffffffd000..ffffffffffffffff granule 12 level 0
            0000000000001013 | ffffffffffffe400 | ffffffffffffe000..ffffffffffffffff granule 12 level 0
            0000000000f00013 | 0000000000001400 | 1000..8000fff granule 12 level 0
            0000000000000013 | 0000000000201600 | 0..ffffffffffffffff granule 0 level 0
            0000000000000013 | 0000000040200500 | 0..ffffffffffffffff granule 0 level 0
            0000000000001013 | 0000000000005800 | 0..ffffffffffffffff granule 0 level 0
            0000000000001013 | 0000000000005900 | 0..ffffffffffffffff granule 0 level 0
            0000000000000013 | 0000000002004a00 | 0..ffffffffffffffff granule 0 level 0
            0000000000000013 | 0000000000011f01 | 0..ffffffffffffffff granule 0 level 0
            0000000000000013 | 0000000020010e00 | 0..ffffffffffffffff granule 0 level 0
            0000000000000013 | 0000040020000d00 | 0..ffffffffffffffff granule 0 level 0
            0000000001f1f013 | 0000000000001300 | 1000..1fff granule 0 level 0
            0000000000001013 | 0000000000001480 | 1000..2fff granule 12 level 0
            """)
    void ranges(String w0, String w1, String done) {
        assertThat(unit(null).execute(word(w0), word(w1))).isNull();

        assertThat(effects.take()).containsExactly("NH_VAA vmid 0/ffff asid 0 " + done);
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1               | why
            0000000000000000 | 0                | opcode 0
            0000000000000008 | 0                | reserved
            0000000000000018 | 0                | EL3, Secure only
            000000000000001a | 0                | EL3, Secure only
            0000000000000050 | 0                | Secure only
            0000000000000058 | 0                | Secure only
            000000000000005a | 0                | Secure only
            0000000000000060 | 0                | Secure only
            0000000000000070 | 0                | DPT
            0000000000000073 | 0                | DPT
            0000000000000080 | 0                | implementation defined
            00000000000000ff | 0                | reserved
            0000002100005c01 | 0                | SSec
            0000002100005c02 | 0                | SSec
            0000002100000403 | 0                | SSec
            0000002100000404 | 0                | SSec
            0000000000000404 | 1f               | SSec
            0000002100005405 | 0                | SSec
            0000002100000406 | 0                | SSec
            0000002100005c40 | 34               | SSec
            0000002100001444 | 1c               | SSec
            0000002100000445 | 0                | SSec
            0000001100000007 | 0                | MPAM
            0000002100005840 | 35               | Size 53
            0000002100005840 | 3f               | Size 63
            0000002100005841 | 301b             | Resp
            0000000000003046 | 0                | CS
            0025000700000012 | 0000000010000401 | TG alone
            0000001100000013 | 0000000010000800 | TG alone
            0003000000000022 | 0000000010000c00 | TG alone
            0003000000000023 | 0000000010000400 | TG alone
            000000110000002a | 0000000010000400 | TG alone
            0000001100000013 | 0000000010000900 | TG 16 KiB and TTL 1, which is none
            """)
    void illegal(String w0, String w1, String why) {
        assertThat(unit(null).execute(word(w0), word(w1))).as(why).isEqualTo(CommandError.CERROR_ILL);

        assertThat(effects.take()).isEmpty();
    }

    /** Each opcode with a unit that lacks what it needs, and with one that has it. */
    @ParameterizedTest(name = "{0} without: {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1   | without       | with
            0000002100005005 | 0    | IDR0=08452499 |
            0000002100000006 | 0    | IDR0=08452499 |
            0000001100000010 | 0    | IDR0=08452499 |
            0025000700000011 | 0    | IDR0=08452499 |
            0025000700000012 | 1000 | IDR0=08452499 |
            0000001100000013 | 1000 | IDR0=08452499 |
            0000000000000020 | 0    | IDR0=084d349b |
            0003000000000021 | 0    | IDR0=084d349b |
            0003000000000022 | 1000 | IDR0=084d349b |
            0003000000000023 | 1000 | IDR0=084d349b |
            0000000000000020 | 0    | IDR0=08452699 |
            0000001100000028 | 0    | IDR0=0849349a |
            000000110000002a | 1000 | IDR0=0849349a |
            0000002100005840 | 34   | IDR0=084c329b |
            0000002100005841 | 201b | IDR0=084c369b |
            0000002100001044 | 1c   | IDR0=094d369b |
            0000002100000045 | 0    | IDR0=094d369b |
            0000001100000007 | 0    |               | IDR3=15b4
            0000002100001044 | 1c   | IDR0=094d369b | IDR0=0a4d369b
            """)
    void onlyWhereTheUnitHasIt(String w0, String w1, @Nullable String without, @Nullable String with) {
        assertThat(unit(without).execute(word(w0), word(w1))).isEqualTo(CommandError.CERROR_ILL);
        assertThat(effects.take()).isEmpty();
        assertThat(unit(with).execute(word(w0), word(w1))).isNull();
    }

    /** Without range invalidation its fields are none, whatever they hold. */
    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', textBlock = """
            0025000700114012 | 0000000010000701 | NH_VA vmid 7/ffff asid 25 10000000..10000fff granule 0 level 0 leaf
            0025000700000012 | 0000000010000400 | NH_VA vmid 7/ffff asid 25 10000000..10000fff granule 0 level 0
            0000001101f1f013 | 0000000010001e00 | NH_VAA vmid 11/ffff asid 0 10001000..10001fff granule 0 level 0
            """)
    void withoutRanges(String w0, String w1, String done) {
        assertThat(unit("IDR3=1134").execute(word(w0), word(w1))).isNull();

        assertThat(effects.take()).containsExactly(done);
    }

    /** Bits of ids that the unit does not have are not compared; without stage 2 there are no VMIDs. */
    @ParameterizedTest(name = "{0}, wildcard {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            unit          | wildcard | done
            IDR0=084d369b | 0        | NH_ASID vmid fff7/ffff asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=084d369b | 1        | NH_ASID vmid fff6/fffe asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=084d369b | 2        | NH_ASID vmid fff4/fffc asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=084d369b | 3        | NH_ASID vmid fff0/fff8 asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=084d369b | 4        | NH_ASID vmid fff0/fff0 asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=084d369b | 5        | NH_ASID vmid fff7/ffff asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=084d369b | 7        | NH_ASID vmid fff7/ffff asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=0849369b | 0        | NH_ASID vmid f7/ff asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=0849369b | 4        | NH_ASID vmid f0/f0 asid ff25 0..ffffffffffffffff granule 0 level 0
            IDR0=084d269b | 0        | NH_ASID vmid fff7/ffff asid 25 0..ffffffffffffffff granule 0 level 0
            IDR0=0849349a | 0        | NH_ASID vmid 0/0 asid ff25 0..ffffffffffffffff granule 0 level 0
            """)
    void ids(String unit, int wildcard, String done) {
        var execution = unit(unit);
        execution.setVmidWildcard(wildcard);

        assertThat(execution.execute(word("ff25_fff7_0000_0011"), 0)).isNull();

        assertThat(effects.take()).containsExactly(done);
    }

    /** While translation is off, devices are not spoken to; what is illegal still is. */
    @Test
    void nothingGoesToDevicesWhileTranslationIsOff() {
        var execution = unit(null);
        execution.setTranslating(false);

        assertThat(execution.execute(0x2100000040L, 0x34)).isNull();
        assertThat(execution.execute(0x2100000041L, 0x1000)).isNull();
        assertThat(execution.execute(0x2100000040L, 0x35)).isEqualTo(CommandError.CERROR_ILL);
        assertThat(execution.execute(0x2100000041L, 0x3000)).isEqualTo(CommandError.CERROR_ILL);
        assertThat(effects.take()).isEmpty();
        assertThat(execution.execute(0x2100000003L, 0)).isNull();
        assertThat(execution.execute(0x2100000045L, 0)).isNull();
        assertThat(effects.take()).containsExactly("ste 21", "terminate 21");
    }

    /** Without SubstreamIDs in the unit, a command's is none. */
    @Test
    void withoutSubstreams() {
        var execution = unit("IDR1=0e739810 IDR3=1514");

        assertThat(execution.execute(0x2100005a40L, 0x34)).isNull();
        assertThat(execution.execute(0x2100005841L, 0x201b)).isNull();
        assertThat(execution.execute(0x2100000005L, 0)).isNull();
        assertThat(execution.execute(0x2100001005L, 0)).isNull();
        assertThat(effects.take())
                .containsExactly("atc 21 - 0..ffffffffffffffff", "respond 21 - group 1b: 2", "cd 21 0");
    }

    @Test
    void aUnitThatCanOnlyAbortAborts() {
        var execution = unit("IDR0=0c4d369b");

        assertThat(execution.execute(0x2100000044L, 0x1c)).isNull();
        assertThat(execution.execute(0x2100001044L, 0x1c)).isNull();
        assertThat(effects.take()).containsExactly("abort 21 1c", "retry 21 1c");
    }

    /** The device that does not answer is noticed at the next CMD_SYNC, once. */
    @Test
    void aSilentDevice() {
        var execution = unit(null);
        effects.silence(0x21);

        assertThat(execution.execute(0x2100000040L, 0x34)).isNull();
        assertThat(execution.execute(0x2200000040L, 0x34)).isNull();
        assertThat(execution.execute(0x3046, 0)).isEqualTo(CommandError.CERROR_ILL);
        assertThat(execution.execute(0x5500001046L, 0x1000)).isEqualTo(CommandError.CERROR_ATC_INV_SYNC);
        execution.signal();
        assertThat(memory.acquire(0x1000)).isZero();
        assertThat(execution.execute(0x46, 0)).isNull();
        assertThat(effects.take()).hasSize(2);
    }

    /** A unit of 32-bit StreamIDs has every one. */
    @Test
    void everyStreamId() {
        var execution = unit("IDR1=0e739d20");

        assertThat(execution.execute(0xffffffff_00000003L, 0)).isNull();
        assertThat(execution.execute(0x80000000_fffff005L, 1)).isNull();
        assertThat(execution.execute(0xffffffff_00000045L, 0)).isNull();
        assertThat(effects.take()).containsExactly("ste ffffffff", "cd 80000000 fffff leaf", "terminate ffffffff");
    }

    /** Whatever is in a command, it is done or refused, and a refused one has done nothing; reserved bits make no difference. */
    @Test
    void anyTwoWords() {
        var execution = unit(null);
        var random = new Random(7);
        int done = 0;
        for (int i = 0; i < 200_000; i++) {
            long w0 = random.nextLong() & ~0xffL | random.nextInt(0x50);
            long w1 = random.nextLong();
            var wrong = execution.execute(w0, w1);
            var first = effects.take();
            var type = CommandType.of(w0);
            if (wrong != null) {
                assertThat(wrong).isEqualTo(CommandError.CERROR_ILL);
                assertThat(first).isEmpty();
            } else {
                done++;
                assertThat(type).isNotNull();
                assertThat(first).hasSizeLessThanOrEqualTo(1);
            }
            if (type != null) {
                long named0 = w0 & ~type.layout().reserved(0);
                long named1 = w1 & ~type.layout().reserved(1);
                assertThat(execution.execute(named0, named1)).isEqualTo(wrong);
                assertThat(effects.take()).isEqualTo(first);
            }
        }
        assertThat(done).isBetween(10_000, 190_000);
    }

    /** 5.3: the algorithm that cuts any number of pages into ranges covers each page once. */
    @Test
    void pagesCutIntoRanges() {
        var execution = unit(null);
        var random = new Random(3);
        for (int i = 0; i < 300; i++) {
            long first = random.nextInt(1 << 20);
            long pages = 1 + random.nextInt(1 << 14);
            var covered = new ArrayList<String>();
            var expected = new ArrayList<String>();
            long page = first;
            for (long left = pages; left != 0; ) {
                int scale = Long.numberOfTrailingZeros(left);
                int num = (int) (left >>> scale) & 31;
                var words = Commands.tlbiNhVaa(1, page << 12, new TlbiRange(12, 3, num - 1, scale), true);
                assertThat(execution.execute(words[0], words[1])).isNull();
                covered.addAll(effects.take());
                long count = (long) num << scale;
                expected.add("NH_VAA vmid 1/ffff asid 0 %x..%x granule 12 level 3 leaf"
                        .formatted(page << 12, (page + count << 12) - 1));
                page += count;
                left -= count;
            }
            assertThat(covered).isEqualTo(expected);
            assertThat(page).isEqualTo(first + pages);
        }
    }
}
