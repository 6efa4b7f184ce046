package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** IHI 0070, chapter 4: commands, word for word. */
class CommandsTest {
    @ParameterizedTest(name = "{1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            code | command         | fields
            01   | PREFETCH_CONFIG | SSec 10, SSV 11, SubstreamID 31:12, StreamID 63:32
            02   | PREFETCH_ADDR   | SSec 10, SSV 11, SubstreamID 31:12, StreamID 63:32, Size 68:64, Address 127:76
            03   | CFGI_STE        | SSec 10, StreamID 63:32, Leaf 64
            04   | CFGI_STE_RANGE  | SSec 10, StreamID 63:32, Range 68:64
            05   | CFGI_CD         | SSec 10, SubstreamID 31:12, StreamID 63:32, Leaf 64
            06   | CFGI_CD_ALL     | SSec 10, StreamID 63:32
            07   | CFGI_VMS_PIDM   | SSec 10, VMID 47:32
            10   | TLBI_NH_ALL     | VMID 47:32
            11   | TLBI_NH_ASID    | VMID 47:32, ASID 63:48
            12   | TLBI_NH_VA      | NUM 16:12, SCALE 24:20, VMID 47:32, ASID 63:48, Leaf 64, TTL128 71, TTL 73:72, TG 75:74, Address 127:76
            13   | TLBI_NH_VAA     | NUM 16:12, SCALE 24:20, VMID 47:32, Leaf 64, TTL128 71, TTL 73:72, TG 75:74, Address 127:76
            20   | TLBI_EL2_ALL    |
            21   | TLBI_EL2_ASID   | ASID 63:48
            22   | TLBI_EL2_VA     | NUM 16:12, SCALE 24:20, ASID 63:48, Leaf 64, TTL128 71, TTL 73:72, TG 75:74, Address 127:76
            23   | TLBI_EL2_VAA    | NUM 16:12, SCALE 24:20, Leaf 64, TTL128 71, TTL 73:72, TG 75:74, Address 127:76
            28   | TLBI_S12_VMALL  | VMID 47:32
            2a   | TLBI_S2_IPA     | NUM 16:12, SCALE 24:20, VMID 47:32, Leaf 64, TTL128 71, TTL 73:72, TG 75:74, Address 115:76
            30   | TLBI_NSNH_ALL   |
            40   | ATC_INV         | G 9, SSec 10, SSV 11, SubstreamID 31:12, StreamID 63:32, Size 69:64, Address 127:76
            41   | PRI_RESP        | SSV 11, SubstreamID 31:12, StreamID 63:32, PRGIndex 72:64, Resp 77:76
            44   | RESUME          | SSec 10, Ac 12, Ab 13, StreamID 63:32, STAG 79:64
            45   | STALL_TERM      | SSec 10, StreamID 63:32
            46   | SYNC            | CS 13:12, MSH 23:22, MSIAttr 27:24, MSIData 63:32, MSIAddress 115:66
            """)
    void fields(String code, String name, @Nullable String fields) {
        var type = CommandType.valueOf(name);
        var expected = "opcode 7:0" + (fields == null ? "" : ", " + fields);

        assertThat(type.opcode()).isEqualTo(Integer.parseInt(code, 16));
        assertThat(CommandType.of(type.opcode())).isEqualTo(type);
        assertThat(type.layout().name()).isEqualTo("CMD_" + name);
        assertThat(type.layout().fields().stream()
                        .map(field -> field.name() + " "
                                + (field.high() == field.low() ? field.low() : field.high() + ":" + field.low())))
                .containsExactlyInAnyOrder(expected.split(", "));
        assertThat(type.layout().fields())
                .allSatisfy(field -> assertThat(field.meaning()).isNotBlank());
    }

    @Test
    void noOtherOpcodeIsTaken() {
        int taken = 0;
        for (int opcode = 0; opcode < 0x100; opcode++) {
            var type = CommandType.of(opcode | 0xffff_ff00L);
            if (type != null) {
                assertThat(type.opcode()).isEqualTo(opcode);
                taken++;
            }
        }
        assertThat(taken).isEqualTo(CommandType.values().length);
    }

    /** The words of a command, and what is read from them. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            asked for                                        | w0               | w1               | name            | fields
            prefetch-config sid=21 ssid=5                    | 0000002100005801 | 0000000000000000 | prefetch-config | SSV 1, SubstreamID 5, StreamID 21
            prefetch-config sid=21                           | 0000002100000001 | 0000000000000000 | prefetch-config | StreamID 21
            prefetch-addr sid=21 ssid=5 at=7fabcdef1000 size=3 | 0000002100005802 | 00007fabcdef1003 | prefetch-addr | SSV 1, SubstreamID 5, StreamID 21, Size 3, Address 7fabcdef1
            cfgi-ste sid=21 leaf                             | 0000002100000003 | 0000000000000001 | cfgi-ste        | StreamID 21, Leaf 1
            cfgi-ste sid=ffffffff                            | ffffffff00000003 | 0000000000000000 | cfgi-ste        | StreamID ffffffff
            cfgi-ste-range sid=20 range=4                    | 0000002000000004 | 0000000000000004 | cfgi-ste-range  | StreamID 20, Range 4
            cfgi-all                                         | 0000000000000004 | 000000000000001f | cfgi-all        | Range 1f
            cfgi-cd sid=21 ssid=5 leaf                       | 0000002100005005 | 0000000000000001 | cfgi-cd         | SubstreamID 5, StreamID 21, Leaf 1
            cfgi-cd sid=21 ssid=5                            | 0000002100005005 | 0000000000000000 | cfgi-cd         | SubstreamID 5, StreamID 21
            cfgi-cd-all sid=21                               | 0000002100000006 | 0000000000000000 | cfgi-cd-all     | StreamID 21
            tlbi-nh-all vmid=11                              | 0000001100000010 | 0000000000000000 | tlbi-nh-all     | VMID 11
            tlbi-nh-asid vmid=7 asid=25                      | 0025000700000011 | 0000000000000000 | tlbi-nh-asid    | VMID 7, ASID 25
            tlbi-nh-va vmid=7 asid=25 at=7fabcdef1000 leaf   | 0025000700000012 | 00007fabcdef1001 | tlbi-nh-va      | VMID 7, ASID 25, Leaf 1, Address 7fabcdef1
            tlbi-nh-vaa vmid=11 at=1234567000                | 0000001100000013 | 0000001234567000 | tlbi-nh-vaa     | VMID 11, Address 1234567
            tlbi-nh-va vmid=7 asid=25 at=10000000 granule=c level=3 num=14 scale=1 leaf | 0025000700114012 | 0000000010000701 | tlbi-nh-va | NUM 14, SCALE 1, VMID 7, ASID 25, Leaf 1, TTL 3, TG 1, Address 10000
            tlbi-nh-va vmid=ffff asid=ffff at=ffffffffffffffff granule=10 level=2 num=1f scale=1f | ffffffff01f1f012 | fffffffffffffe00 | tlbi-nh-va | NUM 1f, SCALE 1f, VMID ffff, ASID ffff, TTL 2, TG 3, Address fffffffffffff
            tlbi-nh-vaa vmid=11 at=4000 granule=e num=1      | 0000001100001013 | 0000000000004800 | tlbi-nh-vaa     | NUM 1, VMID 11, TG 2, Address 4
            tlbi-el2-all                                     | 0000000000000020 | 0000000000000000 | tlbi-el2-all    |
            tlbi-el2-asid asid=3                             | 0003000000000021 | 0000000000000000 | tlbi-el2-asid   | ASID 3
            tlbi-el2-va asid=3 at=ffff800012345000 leaf      | 0003000000000022 | ffff800012345001 | tlbi-el2-va     | ASID 3, Leaf 1, Address ffff800012345
            tlbi-el2-vaa at=ffff800012345000 leaf            | 0000000000000023 | ffff800012345001 | tlbi-el2-vaa    | Leaf 1, Address ffff800012345
            tlbi-s12-vmall vmid=11                           | 0000001100000028 | 0000000000000000 | tlbi-s12-vmall  | VMID 11
            tlbi-s2-ipa vmid=11 at=50123000 leaf             | 000000110000002a | 0000000050123001 | tlbi-s2-ipa     | VMID 11, Leaf 1, Address 50123
            tlbi-s2-ipa vmid=11 at=ffffffffffffffff          | 000000110000002a | 000ffffffffff000 | tlbi-s2-ipa     | VMID 11, Address ffffffffff
            tlbi-nsnh-all                                    | 0000000000000030 | 0000000000000000 | tlbi-nsnh-all   |
            atc-inv sid=21 ssid=5 at=10000 size=3            | 0000002100005840 | 0000000000010003 | atc-inv         | SSV 1, SubstreamID 5, StreamID 21, Size 3, Address 10
            atc-inv sid=21 ssid=5 first=13000 last=14fff     | 0000002100005840 | 0000000000010003 | atc-inv         | SSV 1, SubstreamID 5, StreamID 21, Size 3, Address 10
            atc-inv sid=21 ssid=5 first=7000 last=afff       | 0000002100005840 | 0000000000000004 | atc-inv         | SSV 1, SubstreamID 5, StreamID 21, Size 4
            atc-inv sid=21 first=200000 last=3fffff          | 0000002100000040 | 0000000000200009 | atc-inv         | StreamID 21, Size 9, Address 200
            atc-inv sid=21 first=1234000 last=1234fff        | 0000002100000040 | 0000000001234000 | atc-inv         | StreamID 21, Address 1234
            atc-inv sid=21 first=0 last=ffffffffffffffff     | 0000002100000040 | 0000000000000034 | atc-inv         | StreamID 21, Size 34
            atc-inv sid=21 first=7fffffffffffffff last=8000000000000000 | 0000002100000040 | 0000000000000034 | atc-inv | StreamID 21, Size 34
            atc-inv sid=21 first=8000000000000000 last=ffffffffffffffff | 0000002100000040 | 8000000000000033 | atc-inv | StreamID 21, Size 33, Address 8000000000000
            atc-inv sid=21 at=0 size=34                      | 0000002100000040 | 0000000000000034 | atc-inv         | StreamID 21, Size 34
            atc-inv sid=21 ssid=5 global at=0 size=34        | 0000002100005a40 | 0000000000000034 | atc-inv         | G 1, SSV 1, SubstreamID 5, StreamID 21, Size 34
            pri-resp sid=21 ssid=5 group=1b response=2       | 0000002100005841 | 000000000000201b | pri-resp        | SSV 1, SubstreamID 5, StreamID 21, PRGIndex 1b, Resp 2
            pri-resp sid=21 group=1ff response=0             | 0000002100000041 | 00000000000001ff | pri-resp        | StreamID 21, PRGIndex 1ff
            retry sid=21 stag=1c                             | 0000002100001044 | 000000000000001c | resume          | Ac 1, StreamID 21, STAG 1c
            abort sid=21 stag=1c                             | 0000002100002044 | 000000000000001c | resume          | Ab 1, StreamID 21, STAG 1c
            raz-wi sid=21 stag=1c                            | 0000002100000044 | 000000000000001c | resume          | StreamID 21, STAG 1c
            stall-term sid=21                                | 0000002100000045 | 0000000000000000 | stall-term      | StreamID 21
            sync                                             | 0000000000000046 | 0000000000000000 | sync            |
            sync at=8ffff000 data=55 sh=3 attr=f             | 000000550fc01046 | 000000008ffff000 | sync            | CS 1, MSH 3, MSIAttr f, MSIData 55, MSIAddress 23fffc00
            sync event                                       | 0000000000002046 | 0000000000000000 | sync            | CS 2
            """)
    void words(String asked, String w0, String w1, String name, @Nullable String fields) {
        var words = built(asked);
        assertThat(List.of("%016x".formatted(words[0]), "%016x".formatted(words[1])))
                .containsExactly(w0, w1);

        var type = Objects.requireNonNull(CommandType.of(words[0]));
        var issued = type.issued(words[0], words[1]);
        assertThat(issued.name()).isEqualTo(name);
        assertThat(issued.words()).containsExactly(words[0], words[1]);
        var decoded = new ArrayList<String>();
        for (var field : issued.layout().fields()) {
            if (field != CommandFields.OPCODE && field.isSet(words[field.word()])) {
                decoded.add(field.name() + " " + Long.toHexString(field.get(words)));
            }
        }
        assertThat(decoded).containsExactlyInAnyOrder(fields == null ? new String[0] : fields.split(", "));
    }

    /** Commands that no factory is needed for. */
    @Test
    void aCommandForVirtualMachineStructures() {
        var type = Objects.requireNonNull(CommandType.of(0x1100000007L));

        assertThat(type).isEqualTo(CommandType.CFGI_VMS_PIDM);
        assertThat(type.issued(0x1100000007L, 0).name()).isEqualTo("cfgi-vms-pidm");
    }

    /** A device is asked to forget the smallest aligned power of two of pages that holds both ends. */
    @Test
    void theBlockThatCoversARange() {
        var random = new Random(1);
        for (int i = 0; i < 100_000; i++) {
            long one = random.nextLong() >>> random.nextInt(64);
            long other = one + (random.nextLong() >>> random.nextInt(64));
            long first = Long.compareUnsigned(one, other) <= 0 ? one : other;
            long last = first == one ? other : one;

            var words = Commands.atcInvCovering(1, -1, first, last);

            int size = (int) words[1] & 0x3f;
            long bytes = size == 52 ? 0 : 1L << size + 12;
            long begin = words[1] & -1L << 12;
            assertThat(begin & bytes - 1).as("aligned").isZero();
            assertThat(size <= 52).isTrue();
            assertThat(size == 52
                            || Long.compareUnsigned(first - begin, bytes) < 0
                                    && Long.compareUnsigned(last - begin, bytes) < 0)
                    .as("%x..%x in %x of 2^%d pages", first, last, begin, size)
                    .isTrue();
            if (size > 0) {
                assertThat((first ^ last) >>> size + 11 & 1)
                        .as("no smaller one")
                        .isOne();
            }
        }
    }

    private static long[] built(String asked) {
        var values = new HashMap<String, Long>();
        for (var part : asked.split(" +")) {
            int equals = part.indexOf('=');
            values.put(
                    equals < 0 ? part : part.substring(0, equals),
                    equals < 0 ? 1L : Long.parseUnsignedLong(part.substring(equals + 1), 16));
        }
        int sid = (int) of(values, "sid");
        int ssid = values.containsKey("ssid") ? (int) of(values, "ssid") : -1;
        int vmid = (int) of(values, "vmid");
        int asid = (int) of(values, "asid");
        long at = of(values, "at");
        boolean leaf = values.containsKey("leaf");
        var range = values.containsKey("granule")
                ? new TlbiRange((int) of(values, "granule"), (int) of(values, "level"), (int) of(values, "num"), (int)
                        of(values, "scale"))
                : TlbiRange.ONE_ADDRESS;
        return switch (asked.split(" ")[0].toLowerCase(Locale.ROOT)) {
            case "prefetch-config" -> Commands.prefetchConfig(sid, ssid);
            case "prefetch-addr" -> Commands.prefetchAddress(sid, ssid, at, (int) of(values, "size"));
            case "cfgi-ste" -> Commands.cfgiSte(sid, leaf);
            case "cfgi-ste-range" -> Commands.cfgiSteRange(sid, (int) of(values, "range"));
            case "cfgi-all" -> Commands.cfgiAll();
            case "cfgi-cd" -> Commands.cfgiCd(sid, ssid, leaf);
            case "cfgi-cd-all" -> Commands.cfgiCdAll(sid);
            case "tlbi-nh-all" -> Commands.tlbiNhAll(vmid);
            case "tlbi-nh-asid" -> Commands.tlbiNhAsid(vmid, asid);
            case "tlbi-nh-va" -> Commands.tlbiNhVa(vmid, asid, at, range, leaf);
            case "tlbi-nh-vaa" -> Commands.tlbiNhVaa(vmid, at, range, leaf);
            case "tlbi-el2-all" -> Commands.tlbiEl2All();
            case "tlbi-el2-asid" -> Commands.tlbiEl2Asid(asid);
            case "tlbi-el2-va" -> Commands.tlbiEl2Va(asid, at, range, leaf);
            case "tlbi-el2-vaa" -> Commands.tlbiEl2Vaa(at, range, leaf);
            case "tlbi-s12-vmall" -> Commands.tlbiS12Vmall(vmid);
            case "tlbi-s2-ipa" -> Commands.tlbiS2Ipa(vmid, at, range, leaf);
            case "tlbi-nsnh-all" -> Commands.tlbiNsnhAll();
            case "atc-inv" ->
                values.containsKey("first")
                        ? Commands.atcInvCovering(sid, ssid, of(values, "first"), of(values, "last"))
                        : Commands.atcInv(sid, ssid, values.containsKey("global"), at, (int) of(values, "size"));
            case "pri-resp" -> Commands.priResp(sid, ssid, (int) of(values, "group"), (int) of(values, "response"));
            case "retry" -> Commands.retry(sid, (int) of(values, "stag"));
            case "abort" -> Commands.terminate(sid, (int) of(values, "stag"), true);
            case "raz-wi" -> Commands.terminate(sid, (int) of(values, "stag"), false);
            case "stall-term" -> Commands.stallTerm(sid);
            case "sync" ->
                values.containsKey("event")
                        ? Commands.syncWithEvent()
                        : at == 0
                                ? Commands.sync()
                                : Commands.syncWithMessage(
                                        at, of(values, "data"), (int) of(values, "sh"), (int) of(values, "attr"));
            default -> throw new AssertionError(asked);
        };
    }

    private static long of(Map<String, Long> values, String name) {
        return values.getOrDefault(name, 0L);
    }
}
