package dev.ioasid.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.pagetable.Permissions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests and their groups. PCIe, section 10.4. */
class PageRequestTest {
    private static final Permissions READ = new Permissions(true, false, false, false);
    private static final Permissions NOTHING = new Permissions(false, false, false, false);

    /** {@code 1.5}: device 1, group 5; {@code !} the last of its group, {@code stop} a stop marker. */
    private static PageRequest request(String text) {
        boolean stop = text.endsWith("stop");
        var ids = text.replace("!", "").replace("stop", "").split("\\.");
        int device = Integer.parseInt(ids[0]);
        return new PageRequest(
                Rid.ofSourceId(0, device),
                device,
                1,
                0,
                stop ? NOTHING : READ,
                Integer.parseInt(ids[1]),
                stop || text.endsWith("!"));
    }

    private static List<PageRequest> requests(String text) {
        return text.isEmpty()
                ? List.of()
                : Arrays.stream(text.split(" ")).map(PageRequestTest::request).toList();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, nullValues = "-", textBlock = """
            what                               | queue                   | whole
            nothing                            | ''                      | ''
            whole groups, mixed                | 1.5 1.6 1.5! 1.6!       | 1.5 1.6 1.5! 1.6!
            the last is lost                   | 1.5 1.6! 1.5            | 1.6!
            an index that is used again        | 1.5! 1.5                | 1.5!
            the same index of another device   | 1.5 2.5!                | 2.5!
            a stop marker                      | 1.5stop                 | 1.5stop
            a stop marker ends no group        | 1.5 1.5stop             | 1.5stop
            """)
    void ofAQueueThatHasOverflowedWholeGroupsAreKept(String what, String queue, String whole) {
        assertThat(PageRequest.ofWholeGroups(requests(queue))).isEqualTo(requests(whole));
    }
}
