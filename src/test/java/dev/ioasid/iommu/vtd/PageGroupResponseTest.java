package dev.ioasid.iommu.vtd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DeviceMessage.GroupAnswered;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest.Response;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a page group response has the unit tell the device. VT-d 5.10, section 7.7.1. */
class PageGroupResponseTest {
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            what                      | word 0           | word 1 | source | pasid | group | response
            success                   | 000012343A110019 | 2A8    | 3A11   | 1234  | 55    | SUCCESS
            invalid request           | 000012343A111019 | 2A8    | 3A11   | 1234  | 55    | INVALID
            response failure          | 000012343A11F019 | 2A8    | 3A11   | 1234  | 55    | FAILURE
            2: to the device, failure | 000012343A112019 | 2A8    | 3A11   | 1234  | 55    | FAILURE
            E: to the device, failure | 000012343A11E019 | 2A8    | 3A11   | 1234  | 55    | FAILURE
            the widest PASID          | 000FFFFFFFFF0019 | FF8    | FFFF   | FFFFF | 1FF   | SUCCESS
            PASID 0                   | 0000000000010019 | 0      | 1      | 0     | 0     | SUCCESS
            without PASID             | 000000003A110009 | 2A8    | 3A11   |       | 55    | SUCCESS
            PASID without PP          | 000012343A110009 | 2A8    | 3A11   |       | 55    | SUCCESS
            what was LPIG is ignored  | 000012343A110019 | 2AC    | 3A11   | 1234  | 55    | SUCCESS
            """)
    void theDeviceIsTold(
            String what, String word0, String word1, String source, String pasid, String group, Response response) {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.on();
            hardware.submit(List.of(List.of(Bench.hex(word0), Bench.hex(word1))));
            assertThat(hardware.takeMessages())
                    .containsExactly(new GroupAnswered(
                            (int) Bench.hex(source),
                            pasid == null ? DmaRequest.NO_PASID : (int) Bench.hex(pasid),
                            (int) Bench.hex(group),
                            response));
            assertThat(hardware.takeMessages()).as("taken once").isEmpty();
        }
    }

    @Test
    void aUnitWithoutPageRequestsDoesNotTakeIt() {
        try (var bench = WorkedTables.scalable().edit("ECAP without 20000000")) {
            var hardware = bench.on();
            assertThatThrownBy(() -> hardware.submit(List.of(List.of(0x3A110009L, 0L))))
                    .isInstanceOfSatisfying(
                            RefusedException.class,
                            refused -> assertThat(refused.subjects()).containsEntry("queueError", 3));
            assertThat(hardware.takeMessages()).isEmpty();
        }
    }

    /** In the ring, and with a wait that drains behind it. */
    @Test
    void messagesComeInTheOrderOfTheRing() {
        try (var bench = WorkedTables.scalable()) {
            var hardware = bench.on();
            bench.words("""
                    800000: 000012343A110019
                    800008: 00000000000002A8
                    800020: 000012343A111019
                    800028: 00000000000002B0
                    800040: 00000001000000E5   wait: SW, FN, PD
                    800048: 0000000000810000
                    """);
            Bench.write(hardware, "IQA", 0x800800);
            Bench.write(hardware, "GCMD", 0x8400_0000L);
            Bench.write(hardware, "IQT", 0x60);
            assertThat(bench.word(0x810000)).isEqualTo(1);
            assertThat(hardware.takeMessages())
                    .containsExactly(
                            new GroupAnswered(0x3A11, 0x1234, 0x55, Response.SUCCESS),
                            new GroupAnswered(0x3A11, 0x1234, 0x56, Response.INVALID));
        }
    }
}
