package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** IHI 0070, 7.3: event records, word for word. */
class SmmuEventsTest {
    private static final int NONE = DmaRequest.NO_PASID;

    /** Which fields each record has; bits count over the whole record. */
    @ParameterizedTest(name = "{1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            code | event              | kind          | fields
            01   | F_UUT              | MISCELLANEOUS | SSV 11, SubstreamID 31:12, Reason 79:64, PnU 97, InD 98, RnW 99, InputAddr 191:128
            02   | C_BAD_STREAMID     | CONFIGURATION | SSV 11, SubstreamID 31:12
            03   | F_STE_FETCH        | CONFIGURATION | SSV 11, SubstreamID 31:12, Reason 79:64, FetchAddr 243:195
            04   | C_BAD_STE          | CONFIGURATION | SSV 11, SubstreamID 31:12
            05   | F_BAD_ATS_TREQ     | MISCELLANEOUS | SSV 11, SubstreamID 31:12, Span 67:64, Priv 92, X 93, W 94, R 95, InputAddr 191:140
            06   | F_STREAM_DISABLED  | CONFIGURATION |
            07   | F_TRANSL_FORBIDDEN | MISCELLANEOUS | RnW 99, InputAddr 191:128
            08   | C_BAD_SUBSTREAMID  | CONFIGURATION | SubstreamID 31:12
            09   | F_CD_FETCH         | CONFIGURATION | SSV 11, SubstreamID 31:12, Reason 79:64, FetchAddr 243:195
            0a   | C_BAD_CD           | CONFIGURATION | SSV 11, SubstreamID 31:12
            0b   | F_WALK_EABT        | MISCELLANEOUS | SSV 11, SubstreamID 31:12, Reason 79:64, PnU 97, InD 98, RnW 99, S2 103, CLASS 105:104, InputAddr 191:128, FetchAddr 243:195
            10   | F_TRANSLATION      | TRANSLATION   | SSV 11, SubstreamID 31:12, STAG 79:64, Stall 95, PnU 97, InD 98, RnW 99, NSIPA 102, S2 103, CLASS 105:104, InputAddr 191:128, IPA 243:204
            11   | F_ADDR_SIZE        | TRANSLATION   | SSV 11, SubstreamID 31:12, STAG 79:64, Stall 95, PnU 97, InD 98, RnW 99, NSIPA 102, S2 103, CLASS 105:104, InputAddr 191:128, IPA 243:204
            12   | F_ACCESS           | TRANSLATION   | SSV 11, SubstreamID 31:12, STAG 79:64, Stall 95, PnU 97, InD 98, RnW 99, NSIPA 102, S2 103, CLASS 105:104, InputAddr 191:128, IPA 243:204
            13   | F_PERMISSION       | TRANSLATION   | SSV 11, SubstreamID 31:12, STAG 79:64, Stall 95, PnU 97, InD 98, RnW 99, NSIPA 102, S2 103, CLASS 105:104, TTRnW 108, InputAddr 191:128, IPA 243:204
            20   | F_TLB_CONFLICT     | MISCELLANEOUS | SSV 11, SubstreamID 31:12, Reason 79:64, PnU 97, InD 98, RnW 99, S2 103, InputAddr 191:128, IPA 243:204
            21   | F_CFG_CONFLICT     | CONFIGURATION | SSV 11, SubstreamID 31:12, Reason 79:64
            24   | E_PAGE_REQUEST     | MISCELLANEOUS | SSV 11, SubstreamID 31:12, uX 97, uW 98, uR 99, pX 101, pW 102, pR 103, Span 115:108, InputAddr 191:140
            25   | F_VMS_FETCH        | CONFIGURATION | SSV 11, SubstreamID 31:12, Reason 79:64, FetchAddr 243:195
            """)
    void fields(String code, String name, SmmuEvent.Kind kind, @Nullable String fields) {
        var event = SmmuEvent.valueOf(name);
        var expected = "event 7:0, StreamID 63:32" + (fields == null ? "" : ", " + fields);

        assertThat(event.code()).isEqualTo(Integer.parseInt(code, 16));
        assertThat(event.kind()).isEqualTo(kind);
        assertThat(SmmuEvent.ofCode(event.code())).isEqualTo(event);
        assertThat(event.detail()).isNotBlank();
        assertThat(event.layout().fields().stream()
                        .map(field -> field.name() + " "
                                + (field.high() == field.low() ? field.low() : field.high() + ":" + field.low())))
                .containsExactlyInAnyOrder(expected.split(", "));
        assertThat(event.layout().fields())
                .allSatisfy(field -> assertThat(field.meaning()).isNotBlank());
    }

    @Test
    void noOtherNumberMeansAnything() {
        var numbers = new HashSet<Integer>();
        for (int code = 0; code < 0x100; code++) {
            var event = SmmuEvent.ofCode(code);
            if (event != null) {
                assertThat(event.code()).isEqualTo(code);
                numbers.add(code);
            }
        }
        assertThat(numbers).hasSize(SmmuEvent.values().length);
    }

    /**
     * Records that are known: what is said of the fault, its words, and what is read from them. {@code at} is the address, {@code by} who
     * accesses and how; {@code ipa} makes it a fault of stage 2.
     */
    @ParameterizedTest(name = "{0} {2} {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            event              | sid | ssid | said                                             | w0               | w1               | w2               | w3
            F_PERMISSION       | 21  | 5    | write at=7fabce012345                            | 0000002100005813 | 0000020000000000 | 00007fabce012345 | 0000000000000000
            F_TRANSLATION      | 21  | 5    | read at=7fabcdef6234                             | 0000002100005810 | 0000020800000000 | 00007fabcdef6234 | 0000000000000000
            F_ACCESS           | 21  | 5    | read at=7fabcdef2234                             | 0000002100005812 | 0000020800000000 | 00007fabcdef2234 | 0000000000000000
            F_ACCESS           | 21  | 7    | read at=7fabcdef2234 stag=1c                     | 0000002100007812 | 000002088000001c | 00007fabcdef2234 | 0000000000000000
            F_PERMISSION       | 21  | 5    | execute at=7fabcdef1234                          | 0000002100005813 | 0000020c00000000 | 00007fabcdef1234 | 0000000000000000
            F_PERMISSION       | 21  | 5    | privileged write at=7fabce012345                 | 0000002100005813 | 0000020200000000 | 00007fabce012345 | 0000000000000000
            F_TRANSLATION      | 21  | 5    | read at=17fabcdef1234                            | 0000002100005810 | 0000020800000000 | 00017fabcdef1234 | 0000000000000000
            F_TRANSLATION      | 21  | 5    | read at=ffff000000001000                         | 0000002100005810 | 0000020800000000 | ffff000000001000 | 0000000000000000
            F_STREAM_DISABLED  | 21  |      | read at=1234567                                  | 0000002100000006 | 0000000000000000 | 0000000000000000 | 0000000000000000
            F_STREAM_DISABLED  | 21  | 0    | read at=1234567                                  | 0000002100000006 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_SUBSTREAMID  | 21  | 400  | read at=1234567                                  | 0000002100400008 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_SUBSTREAMID  | 21  | 46   | read at=1234567                                  | 0000002100046008 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_SUBSTREAMID  | 21  | 8    | write at=1234567                                 | 0000002100008008 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_SUBSTREAMID  | 22  | 5    | write at=1234567                                 | 0000002200005008 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_SUBSTREAMID  | 21  |      | read at=1234567                                  | 0000002100000008 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_CD           | 21  | 6    | read at=7fabcdef1234                             | 000000210000680a | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_CD           | 21  | 0    | read at=1234567                                  | 000000210000080a | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_CD           | 21  |      | read at=1234567                                  | 000000210000000a | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_STE          | 25  | 5    | read at=7fabcdef1234                             | 0000002500005804 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_STE          | 22  |      | read at=7fabcdef1234                             | 0000002200000004 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_STREAMID     | 100 | 5    | read at=7fabcdef1234                             | 0000010000005802 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_STREAMID     | 61  | 5    | read at=7fabcdef1234                             | 0000006100005802 | 0000000000000000 | 0000000000000000 | 0000000000000000
            C_BAD_STREAMID     | 21  | 5    | read at=7fabcdef1234                             | 0000002100005802 | 0000000000000000 | 0000000000000000 | 0000000000000000
            F_ADDR_SIZE        | 21  |      | read at=1000000000000                            | 0000002100000011 | 0000020800000000 | 0001000000000000 | 0000000000000000
            F_TRANSLATION      | 21  | 9    | read at=fffff92345678abc                         | 0000002100009810 | 0000020800000000 | fffff92345678abc | 0000000000000000
            F_TRANSLATION      | 21  | 9    | read at=1000                                     | 0000002100009810 | 0000020800000000 | 0000000000001000 | 0000000000000000
            F_PERMISSION       | 22  |      | write at=80456789a8 ipa=80456789a8               | 0000002200000013 | 0000028000000000 | 00000080456789a8 | 0000008045678000
            F_TRANSLATION      | 22  |      | read at=10000001000 ipa=10000001000              | 0000002200000010 | 0000028800000000 | 0000010000001000 | 0000010000001000
            F_ADDR_SIZE        | 22  |      | read at=1000000001000                            | 0000002200000011 | 0000020800000000 | 0001000000001000 | 0000000000000000
            F_TRANSLATION      | 22  |      | read at=12345678 ipa=12345678                    | 0000002200000010 | 0000028800000000 | 0000000012345678 | 0000000012345000
            F_ADDR_SIZE        | 22  |      | read at=80456799a8 ipa=80456799a8                | 0000002200000011 | 0000028800000000 | 00000080456799a8 | 0000008045679000
            F_PERMISSION       | 22  |      | write at=80456789a8 ipa=80456789a8 stag=1c       | 0000002200000013 | 000002808000001c | 00000080456789a8 | 0000008045678000
            F_PERMISSION       | 23  | 5    | write at=1234567890 ipa=50123890                 | 0000002300005813 | 0000028000000000 | 0000001234567890 | 0000000050123000
            F_TRANSLATION      | 23  | 5    | read at=1234569890 ipa=50125890                  | 0000002300005810 | 0000028800000000 | 0000001234569890 | 0000000050125000
            F_PERMISSION       | 23  | 5    | write at=123456a890                              | 0000002300005813 | 0000020000000000 | 000000123456a890 | 0000000000000000
            F_TRANSLATION      | 23  | 5    | read at=123456b890 ipa=20000000890               | 0000002300005810 | 0000028800000000 | 000000123456b890 | 0000020000000000
            F_TRANSLATION      | 23  | 5    | write at=1234767890 ipa=60000b38 class=TT        | 0000002300005810 | 0000018000000000 | 0000001234767890 | 0000000060000000
            F_TRANSLATION      | 23  | 5    | read at=1234567890 ipa=60001140 class=CD         | 0000002300005810 | 0000008800000000 | 0000001234567890 | 0000000060001000
            F_PERMISSION       | 23  | 6    | read at=123456c890 ipa=40012b60 class=TT updating | 0000002300006813 | 0000018800000000 | 000000123456c890 | 0000000040012000
            F_PERMISSION       | 23  | 6    | read at=123456c890 ipa=40012b60 class=TT fetching | 0000002300006813 | 0000118800000000 | 000000123456c890 | 0000000040012000
            F_PERMISSION       | 23  | 6    | read at=123456c890 ipa=50123890 fetching         | 0000002300006813 | 0000028800000000 | 000000123456c890 | 0000000050123000
            F_TRANSLATION      | 23  | 6    | read at=123456c890 ipa=40012b60 class=TT fetching | 0000002300006810 | 0000018800000000 | 000000123456c890 | 0000000040012000
            F_PERMISSION       | 23  | 5    | write at=123456d890                              | 0000002300005813 | 0000020000000000 | 000000123456d890 | 0000000000000000
            F_STE_FETCH        | 21  | 5    | read at=7fabcdef1234 fetch=80000840              | 0000002100005803 | 0000000000000000 | 0000000000000000 | 0000000080000840
            F_CD_FETCH         | 21  | 5    | read at=7fabcdef1234 fetch=80020140              | 0000002100005809 | 0000000000000000 | 0000000000000000 | 0000000080020140
            F_WALK_EABT        | 21  | 5    | read at=7fabcdef1234 class=TT fetch=80101578     | 000000210000580b | 0000010800000000 | 00007fabcdef1234 | 0000000080101578
            F_WALK_EABT        | 23  | 5    | read at=1234567890 class=TT ipa=40010240 fetch=80204000 | 000000230000580b | 0000018800000000 | 0000001234567890 | 0000000080204000
            F_BAD_ATS_TREQ     | 21  | 5    | read at=7fabcdef1234 request=w span=1            | 0000002100005805 | 00000000c0000001 | 00007fabcdef1000 | 0000000000000000
            F_BAD_ATS_TREQ     | 21  |      | read at=7fabcdef1234 request=xp span=f           | 0000002100000005 | 00000000b000000f | 00007fabcdef1000 | 0000000000000000
            F_TRANSL_FORBIDDEN | 21  |      | read at=123456234                                | 0000002100000007 | 0000000800000000 | 0000000123456234 | 0000000000000000
            F_TRANSL_FORBIDDEN | 21  | 5    | privileged execute at=123456234                  | 0000002100000007 | 0000000800000000 | 0000000123456234 | 0000000000000000
            F_TRANSL_FORBIDDEN | 21  |      | write at=123456234                               | 0000002100000007 | 0000000000000000 | 0000000123456234 | 0000000000000000
            F_UUT              | 21  | fffff | privileged execute at=123456234                 | 00000021fffff801 | 0000000e00000000 | 0000000123456234 | 0000000000000000
            F_VMS_FETCH        | ffffffff | 5 | read at=1234 fetch=ffffffffffff8              | ffffffff00005825 | 0000000000000000 | 0000000000000000 | 000ffffffffffff8
            F_CFG_CONFLICT     | 21  | 5    | read at=1234                                     | 0000002100005821 | 0000000000000000 | 0000000000000000 | 0000000000000000
            F_TLB_CONFLICT     | 21  | 5    | read at=1234 ipa=5678                            | 0000002100005820 | 0000008800000000 | 0000000000001234 | 0000000000005000
            E_PAGE_REQUEST     | 21  | 5    | at=7fabcdef4567 hint=rwx span=ff                 | 0000002100005824 | 000ff0e000000000 | 00007fabcdef4000 | 0000000000000000
            E_PAGE_REQUEST     | 21  |      | at=7fabcdef4567 unprivileged-hint=rwx span=1     | 0000002100000024 | 0000100e00000000 | 00007fabcdef4000 | 0000000000000000
            E_PAGE_REQUEST     | 21  |      | at=7fabcdef4567 unprivileged-hint=r span=1       | 0000002100000024 | 0000100800000000 | 00007fabcdef4000 | 0000000000000000
            E_PAGE_REQUEST     | 21  |      | at=7fabcdef4567 hint=w span=1                    | 0000002100000024 | 0000104000000000 | 00007fabcdef4000 | 0000000000000000
            """)
    void knownRecords(
            String name, String sid, @Nullable String ssid, String said, String w0, String w1, String w2, String w3) {
        var event = SmmuEvent.valueOf(name);
        int streamId = Integer.parseUnsignedInt(sid, 16);
        var record = said(EventRecord.of(event, streamId, ssid == null ? NONE : Integer.parseInt(ssid, 16)), said);

        assertThat(hex(record.words())).containsExactly(w0, w1, w2, w3);
        assertThat(record.event()).isEqualTo(event);
        assertThat(record.isStalled()).isEqualTo(said.contains("stag="));

        var read = RecordedEvent.of(record.words());
        assertThat(read.code()).isEqualTo(event.code());
        assertThat(read.event()).isEqualTo(event);
        assertThat(read.streamId()).isEqualTo(streamId);
        assertThat(read.isStalled()).isEqualTo(record.isStalled());
    }

    /** As users are shown them. */
    @ParameterizedTest(name = "{0} {1} {2} {3}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1               | w2               | w3               | pasid | address          | access  | name              | detail ends with
            0000002100005813 | 0000020000000000 | 00007fabce012345 | 0000000000000000 | 5     | 00007fabce012345 | WRITE   | F_PERMISSION      | such an access; at stage 1
            0000002100007812 | 000002088000001c | 00007fabcdef2234 | 0000000000000000 | 7     | 00007fabcdef2234 | READ    | F_ACCESS          | is clear; at stage 1, stalled as 0x1c
            0000002100005813 | 0000020c00000000 | 00007fabcdef1234 | 0000000000000000 | 5     | 00007fabcdef1234 | EXECUTE | F_PERMISSION      | at stage 1
            0000002200000013 | 0000028000000000 | 00000080456789a8 | 0000008045678000 | -1    | 00000080456789a8 | WRITE   | F_PERMISSION      | at stage 2, at IPA 0x8045678000
            0000002300005810 | 0000018000000000 | 0000001234767890 | 0000000060000000 | 5     | 0000001234767890 | WRITE   | F_TRANSLATION     | at stage 2, fetching a stage-1 descriptor at IPA 0x60000000
            0000002300005810 | 0000008800000000 | 0000001234567890 | 0000000060001000 | 5     | 0000001234567890 | READ    | F_TRANSLATION     | at stage 2, fetching a CD at IPA 0x60001000
            0000002300006813 | 0000018800000000 | 000000123456c890 | 0000000040012000 | 6     | 000000123456c890 | READ    | F_PERMISSION      | at stage 2, updating a stage-1 descriptor at IPA 0x40012000
            0000002300006813 | 0000118800000000 | 000000123456c890 | 0000000040012000 | 6     | 000000123456c890 | READ    | F_PERMISSION      | at stage 2, fetching a stage-1 descriptor at IPA 0x40012000
            000000210000580b | 0000010800000000 | 00007fabcdef1234 | 0000000080101578 | 5     | 00007fabcdef1234 | READ    | F_WALK_EABT       | at stage 1, fetching a stage-1 descriptor, at physical address 0x80101578
            0000002100005803 | 0000000000000000 | 0000000000000000 | 0000000080000840 | 5     | 0                | READ    | F_STE_FETCH       | could not be fetched; at physical address 0x80000840
            0000002100400008 | 0000000000000000 | 0000000000000000 | 0000000000000000 | 1024  | 0                | READ    | C_BAD_SUBSTREAMID | is not valid
            000000210000000a | 0000000000000000 | 0000000000000000 | 0000000000000000 | -1    | 0                | READ    | C_BAD_CD          | the unit does not allow
            0000002100000006 | 0000000000000000 | 0000000000000000 | 0000000000000000 | -1    | 0                | READ    | F_STREAM_DISABLED | (S1DSS)
            0000002100000007 | 0000000000000000 | 0000000123456234 | 0000000000000000 | -1    | 123456234        | WRITE   | F_TRANSL_FORBIDDEN | translation is off
            0000002100005805 | 00000000c0000001 | 00007fabcdef1000 | 0000000000000000 | 5     | 00007fabcdef1000 | WRITE   | F_BAD_ATS_TREQ    | translation is off
            0000002100005805 | 0000000080000001 | 00007fabcdef1000 | 0000000000000000 | 5     | 00007fabcdef1000 | READ    | F_BAD_ATS_TREQ    | translation is off
            0000002100005820 | 0000008800000000 | 0000000000001234 | 0000000000005000 | 5     | 1234             | READ    | F_TLB_CONFLICT    | at stage 2, at IPA 0x5000
            00000021000058e3 | ffffffffffffffff | ffffffffffffffff | ffffffffffffffff | -1    | 0                | READ    |                   |
            """)
    void shown(
            String w0,
            String w1,
            String w2,
            String w3,
            int pasid,
            String address,
            Access access,
            @Nullable String name,
            @Nullable String detail) {
        var words = new long[] {word(w0), word(w1), word(w2), word(w3)};

        FaultRecord shown = RecordedEvent.of(words).faultRecord(sid -> Rid.ofSourceId(1, sid));

        assertThat(shown.rid()).isEqualTo(Rid.ofSourceId(1, (int) (words[0] >>> 32)));
        assertThat(shown.pasid()).isEqualTo(pasid);
        assertThat(shown.address()).isEqualTo(word(address));
        assertThat(shown.access()).isEqualTo(access);
        assertThat(shown.code()).isEqualTo((int) words[0] & 0xff);
        assertThat(shown.name()).isEqualTo(name == null ? "" : name);
        assertThat(shown.detail()).endsWith(detail == null ? "" : detail);
        assertThat(shown.words()).isEqualTo(List.of(words[0], words[1], words[2], words[3]));
    }

    /** Whatever is said of whatever event, and however often, its record keeps to its layout. */
    @ParameterizedTest
    @EnumSource
    void aRecordHasNothingThatItsEventHasNot(SmmuEvent event) {
        var random = new Random(event.code());
        var layout = event.layout();
        for (int i = 0; i < 200; i++) {
            var record = EventRecord.of(event, random.nextInt(), random.nextBoolean() ? NONE : random.nextInt(1 << 20))
                    .access(random.nextBoolean(), random.nextBoolean(), random.nextBoolean())
                    .stage2(FaultClass.values()[random.nextInt(3)], random.nextLong())
                    .descriptor(random.nextBoolean())
                    .input(random.nextLong())
                    .request(random.nextBoolean(), random.nextBoolean(), random.nextBoolean(), random.nextInt())
                    .hint(random.nextInt(8), random.nextInt(8), random.nextInt(256))
                    .fetch(random.nextLong())
                    .input(random.nextLong());
            if (random.nextBoolean()) {
                record.stalled(random.nextInt(1 << 16));
            }
            var words = record.words();
            for (int word = 0; word < 4; word++) {
                assertThat(words[word] & layout.reserved(word))
                        .as("word %d", word)
                        .isZero();
            }
            assertThat(words[0] & 0xff).isEqualTo(event.code());
            if ((words[1] >>> 35 & 1) == 0 && event != SmmuEvent.E_PAGE_REQUEST) {
                assertThat(words[1] >>> 34 & 1).as("InD of a write").isZero();
            }
            if (event == SmmuEvent.F_PERMISSION && (words[1] >>> 40 & 3) != 1) {
                assertThat(words[1] >>> 44 & 1).as("TTRnW without CLASS TT").isZero();
            }
        }
    }

    private static EventRecord said(EventRecord record, String text) {
        var parts = List.of(text.split(" +"));
        boolean execute = parts.contains("execute");
        if (!text.contains("hint=")) {
            record.access(execute || parts.contains("read"), execute, parts.contains("privileged"));
        }
        record.input(value(text, "at", 0));
        var doing =
                text.contains("class=CD") ? FaultClass.CD : text.contains("class=TT") ? FaultClass.TT : FaultClass.IN;
        if (text.contains("ipa=")) {
            record.stage2(doing, value(text, "ipa", 0));
        } else {
            record.stage1(doing);
        }
        if (parts.contains("fetching") || parts.contains("updating")) {
            record.descriptor(parts.contains("fetching"));
        }
        if (text.contains("fetch=")) {
            record.fetch(value(text, "fetch", 0));
        }
        if (text.contains("stag=")) {
            record.stalled((int) value(text, "stag", 0));
        }
        int span = (int) value(text, "span", 0);
        for (var part : parts) {
            var rights = part.substring(part.indexOf('=') + 1);
            int mask = (rights.contains("r") ? 1 : 0) | (rights.contains("w") ? 2 : 0) | (rights.contains("x") ? 4 : 0);
            switch (part.split("=")[0]) {
                case "request" ->
                    record.request(rights.contains("w"), rights.contains("x"), rights.contains("p"), span);
                case "hint" -> record.hint(mask, 0, span);
                case "unprivileged-hint" -> record.hint(0, mask, span);
                default -> {}
            }
        }
        return record;
    }

    private static long value(String text, String name, long otherwise) {
        for (var part : text.split(" +")) {
            if (part.startsWith(name + "=")) {
                return word(part.substring(name.length() + 1));
            }
        }
        return otherwise;
    }

    private static long word(String hex) {
        return Long.parseUnsignedLong(hex, 16);
    }

    private static List<String> hex(long[] words) {
        return Arrays.stream(words).mapToObj("%016x"::formatted).toList();
    }
}
