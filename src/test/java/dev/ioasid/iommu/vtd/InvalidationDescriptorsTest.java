package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.BitField;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Descriptors bit for bit: as the driver writes them, and as the unit reads them. */
class InvalidationDescriptorsTest {
    private static final AtsRange LARGE = new AtsRange(0x7F12_40A0_0000L, 0x7F12_40BF_FFFFL);
    private static final AtsRange SMALL = new AtsRange(0x5555_1234_5000L, 0x5555_1234_5FFFL);

    private static final Map<String, Supplier<long[]>> WRITTEN = Map.ofEntries(
            Map.entry("context, device 3A11", () -> ContextDescriptor.device(0x3A11, 0)),
            Map.entry("PASID cache, DID 100, PASID 1234", () -> PasidCacheDescriptor.pasid(0x100, 0x1234)),
            Map.entry(
                    "IOTLB, DID 11, 2 MiB at 7F1240A00000",
                    () -> IotlbDescriptor.pages(0x11, 0x7F12_40A0_0000L, 9, false)),
            Map.entry("IOTLB, DID 22", () -> IotlbDescriptor.domain(0x22)),
            Map.entry(
                    "PASID IOTLB, DID 100, PASID 1234, 555512345000",
                    () -> PasidIotlbDescriptor.pages(0x100, 0x1234, 0x5555_1234_5000L, 0, false)),
            Map.entry("PASID IOTLB, DID 100, PASID 1234", () -> PasidIotlbDescriptor.all(0x100, 0x1234)),
            Map.entry("device-TLB, 2 MiB", () -> DeviceTlbDescriptor.of(0x3A11, LARGE)),
            Map.entry("device-TLB, everything", () -> DeviceTlbDescriptor.of(0x3A11, AtsRange.ALL)),
            Map.entry("PASID device-TLB, 4 KiB", () -> PasidDeviceTlbDescriptor.of(0x3A11, 0x1234, SMALL)),
            Map.entry("PASID device-TLB, everything", () -> PasidDeviceTlbDescriptor.of(0x3A11, 0x1234, AtsRange.ALL)),
            Map.entry(
                    "page group response, success",
                    () -> PageGroupResponse.of(asked(0x1234), PageRequest.Response.SUCCESS)),
            Map.entry(
                    "page group response, invalid",
                    () -> PageGroupResponse.of(asked(0x1234), PageRequest.Response.INVALID)),
            Map.entry(
                    "page group response, failure",
                    () -> PageGroupResponse.of(asked(0x1234), PageRequest.Response.FAILURE)),
            Map.entry(
                    "page group response, no PASID",
                    () -> PageGroupResponse.of(asked(DmaRequest.NO_PASID), PageRequest.Response.SUCCESS)),
            Map.entry("wait, drained, CAFE at 90000", () -> WaitDescriptor.status(0xCAFE, 0x90000, true)),
            Map.entry("wait, status CAFE at 90000", () -> WaitDescriptor.status(0xCAFE, 0x90000, false)));

    private static PageRequest asked(int pasid) {
        return new PageRequest(
                Rid.ofSourceId(0, 0x3A11), 0x3A11, pasid, 0x5555_1234_5000L, Permissions.READ_WRITE, 0x55, true);
    }

    /** The goldens; what the driver never writes has no line in {@link #WRITTEN}. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                                           | word 0           | word 1           | name                        | fields
            context, device 3A11                           | 00003A1100000031 | 0                | context-cache-device        | TYPE=1 G=3 SID=3A11
            PASID cache, DID 100, PASID 1234               | 0000123401000017 | 0                | pasid-cache-pasid           | TYPE=7 G=1 DID=100 PASID=1234
            PASID cache, global                            | 0000000000000037 | 0                | pasid-cache-global          | TYPE=7 G=3
            IOTLB, DID 11, 2 MiB at 7F1240A00000           | 00000000001100F2 | 00007F1240A00009 | iotlb-page                  | TYPE=2 G=3 DW=1 DR=1 DID=11 AM=9 ADDR=7F1240A00
            IOTLB, DID 22                                  | 00000000002200E2 | 0                | iotlb-domain                | TYPE=2 G=2 DW=1 DR=1 DID=22
            PASID IOTLB, DID 100, PASID 1234, 555512345000 | 0000123401000036 | 0000555512345000 | pasid-iotlb-page            | TYPE=6 G=3 DID=100 PASID=1234 ADDR=555512345
            PASID IOTLB, DID 100, PASID 1234               | 0000123401000026 | 0                | pasid-iotlb-pasid           | TYPE=6 G=2 DID=100 PASID=1234
            device-TLB, 2 MiB                              | 00003A1100000003 | 00007F1240AFF001 | device-tlb                  | TYPE=3 SID=3A11 S=1 ADDR=7F1240AFF
            device-TLB, everything                         | 00003A1100000003 | 7FFFFFFFFFFFF001 | device-tlb                  | TYPE=3 SID=3A11 S=1 ADDR=7FFFFFFFFFFFF
            PASID device-TLB, 4 KiB                        | 000012343A110008 | 0000555512345000 | pasid-device-tlb            | TYPE=8 SID=3A11 PASID=1234 ADDR=555512345
            PASID device-TLB, everything                   | 000012343A110008 | 7FFFFFFFFFFFF800 | pasid-device-tlb            | TYPE=8 SID=3A11 PASID=1234 S=1 ADDR=7FFFFFFFFFFFF
            PASID device-TLB, every PASID                  | 000000003A110008 | 7FFFFFFFFFFFF801 | pasid-device-tlb            | TYPE=8 SID=3A11 GI=1 S=1 ADDR=7FFFFFFFFFFFF
            interrupt entry 40, IM 3                       | 0000004018000014 | 0                | interrupt-entry-cache       | TYPE=4 G=1 IM=3 IIDX=40
            wait, status CAFE at 90000                     | 0000CAFE00000065 | 0000000000090000 | wait                        | TYPE=5 SW=1 FN=1 DATA=CAFE ADDR=24000
            wait, drained, CAFE at 90000                   | 0000CAFE000000E5 | 0000000000090000 | wait                        | TYPE=5 SW=1 FN=1 PD=1 DATA=CAFE ADDR=24000
            page group response, success                   | 000012343A110019 | 00000000000002A8 | page-group-response         | TYPE=9 PP=1 RID=3A11 PASID=1234 PRGI=55
            page group response, invalid                   | 000012343A111019 | 00000000000002A8 | page-group-response         | TYPE=9 PP=1 RC=1 RID=3A11 PASID=1234 PRGI=55
            page group response, failure                   | 000012343A11F019 | 00000000000002A8 | page-group-response         | TYPE=9 PP=1 RC=F RID=3A11 PASID=1234 PRGI=55
            page group response, no PASID                  | 000000003A110009 | 00000000000002A8 | page-group-response         | TYPE=9 RID=3A11 PRGI=55
            """)
    void areThoseOfTheSpecification(String what, String word0, String word1, String name, String fields) {
        long w0 = Bench.hex(word0);
        long w1 = Bench.hex(word1);
        var written = WRITTEN.get(what);
        if (written != null) {
            assertThat(Arrays.copyOf(written.get(), 4)).containsExactly(w0, w1, 0, 0);
        }
        try (var bench = WorkedTables.scalable()) {
            bench.edit("ECAP or 8"); // interrupt remapping, for its descriptor
            var issued = bench.on().submit(List.of(List.of(w0, w1))).getFirst();
            assertThat(issued.name()).isEqualTo(name);
            var words = issued.words().stream().mapToLong(Long::longValue).toArray();
            var shown = new StringJoiner(" ");
            for (var field : issued.layout().fields()) {
                long value = field.word() < words.length ? field.get(words) : 0;
                if (value != 0) {
                    shown.add("%s=%X".formatted(field.name(), value));
                }
            }
            assertThat(shown.toString()).isEqualTo(fields);
        }
    }

    /** Every bit that no field names, of every type, is refused, and the bits of fields are not. */
    @Test
    void reservedBitsAreRefusedOneByOne() {
        try (var bench = WorkedTables.scalable()) {
            bench.edit("ECAP or 8");
            var hardware = bench.on();
            var wrong = new ArrayList<String>();
            for (var type : DescriptorType.values()) {
                long[] good = good(type);
                assertThat(error(hardware, good)).as("%s", type).isZero();
                for (int bit = 0; bit < 256; bit++) {
                    var words = good.clone();
                    words[bit / 64] ^= 1L << bit % 64;
                    int position = bit;
                    boolean named = type.layout().fields().stream().anyMatch(field -> covers(field, position));
                    int error = error(hardware, words);
                    boolean gated = (type == DescriptorType.DEVICE_TLB || type == DescriptorType.PASID_DEVICE_TLB)
                            && (bit >= 12 && bit <= 15 || bit >= 52 && bit <= 63); // ECAP.DIT is 0
                    if ((!named || gated) && error != 4) {
                        wrong.add(type + " bit " + bit + " is taken");
                    }
                }
            }
            assertThat(wrong).isEmpty();
        }
    }

    private static boolean covers(BitField field, int bit) {
        return field.low() <= bit && bit <= field.high();
    }

    private static long[] good(DescriptorType type) {
        var two = switch (type) {
            case CONTEXT -> new long[] {0x11, 0};
            case IOTLB -> new long[] {0x12, 0};
            case DEVICE_TLB -> new long[] {0x3, 0};
            case INTERRUPT_ENTRY -> new long[] {0x4, 0};
            case WAIT -> new long[] {0x5, 0};
            case PASID_IOTLB -> new long[] {0x26, 0};
            case PASID_CACHE -> new long[] {0x37, 0};
            case PASID_DEVICE_TLB -> new long[] {0x8, 0};
            case PAGE_GROUP_RESPONSE -> new long[] {0x9, 0};
        };
        return new long[] {two[0], two[1], 0, 0};
    }

    private static int error(VtdHardware hardware, long[] words) {
        try {
            hardware.submit(List.of(List.of(words[0], words[1], words[2], words[3])));
            return 0;
        } catch (RefusedException refused) {
            return (int) Objects.requireNonNull(refused.subjects().get("queueError"));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0, 5555_1234_5000, 1000",
        "1, 5555_1234_5000, 5555_1234_4000, 4000",
        "1, 7F12_40AF_F000, 7F12_40A0_0000, 20_0000",
        "1, 0, 0, 2000",
        "1, 7FFF_FFFF_FFFF_F000, 0, 0"
    })
    void rangesOfDevicesAreReadAsTheyAreWritten(int several, String address, String first, String size) {
        var range = AtsRange.decode(several == 1, several == 1 ? Bench.hex(address) : Bench.hex(first));
        assertThat(range.first()).isEqualTo(Bench.hex(first));
        assertThat(range.last() - range.first() + 1).isEqualTo(Bench.hex(size));
        assertThat(range.several()).isEqualTo(several == 1);
        assertThat(AtsRange.decode(range.several(), range.encoded())).isEqualTo(range);
    }
}
