package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** IHI 0070, 3.5.1: positions in a queue. */
class QueueRingTest {
    @ParameterizedTest(name = "2^{0} entries, {1} and {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            log2 | producer | consumer | is           | count
            7    | 80       | 0        | full         | 80
            7    | 80       | 80       | empty        | 0
            7    | 5        | 85       | full         | 80
            7    | 0        | 0        | empty        | 0
            7    | 85       | 5        | full         | 80
            7    | 1        | 0        | between      | 1
            7    | 0        | 1        | inconsistent | ff
            7    | 81       | 0        | inconsistent | 81
            7    | 0        | ff       | between      | 1
            7    | 80       | 7f       | between      | 1
            7    | fff80    | fff00    | full         | 80
            0    | 0        | 0        | empty        | 0
            0    | 1        | 0        | full         | 1
            0    | 1        | 1        | empty        | 0
            0    | 0        | 1        | full         | 1
            19   | 80000    | 0        | full         | 80000
            19   | fffff    | 7ffff    | full         | 80000
            19   | 0        | fffff    | between      | 1
            """)
    void arithmetic(int bits, String producer, String consumer, String is, String count) {
        var ring = new QueueRing(bits);
        int produced = ring.position(Long.parseLong(producer, 16));
        int consumed = ring.position(Long.parseLong(consumer, 16));

        assertThat(ring.count(produced, consumed)).isEqualTo(Integer.parseInt(count, 16));
        assertThat(ring.isEmpty(produced, consumed)).isEqualTo(is.equals("empty"));
        assertThat(ring.isFull(produced, consumed)).isEqualTo(is.equals("full") || is.equals("inconsistent"));
        assertThat(ring.isConsistent(produced, consumed)).isEqualTo(!is.equals("inconsistent"));
    }

    @ParameterizedTest(name = "2^{0} entries, {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            log2 | position | index | next
            7    | 0        | 0     | 1
            7    | 7f       | 7f    | 80
            7    | 80       | 0     | 81
            7    | ff       | 7f    | 0
            0    | 0        | 0     | 1
            0    | 1        | 0     | 0
            19   | 7ffff    | 7ffff | 80000
            19   | fffff    | 7ffff | 0
            """)
    void steps(int bits, String position, String index, String next) {
        var ring = new QueueRing(bits);
        int at = Integer.parseInt(position, 16);

        assertThat(ring.index(at)).isEqualTo(Integer.parseInt(index, 16));
        assertThat(ring.next(at)).isEqualTo(Integer.parseInt(next, 16));
    }

    @ParameterizedTest(name = "{0} of at most 2^{1}, entry {2}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            base             | largest | position | size | at
            4000000090000003 | 19      | 0        | 10   | 90000000
            4000000090000003 | 19      | b        | 10   | 90000030
            9000007f         | 19      | 0        | 10   | 90000000
            90000060         | 19      | 0        | 10   | 90000060
            90000060         | 19      | 1        | 10   | 90000060
            90000061         | 19      | 1        | 10   | 90000070
            90000062         | 19      | 1        | 10   | 90000050
            90000068         | 3       | 7        | 10   | 90000070
            90000068         | 3       | f        | 10   | 90000070
            90000063         | 19      | 1        | 20   | 90000020
            fffffffffffff    | 19      | 0        | 10   | fffffff800000
            """)
    void whereEntriesAre(String base, int largest, String position, String size, String at) {
        long register = Long.parseUnsignedLong(base, 16);

        assertThat(QueueBase.entry(
                        register,
                        QueueBase.ring(register, largest),
                        Integer.parseInt(position, 16),
                        Integer.parseInt(size, 16)))
                .isEqualTo(Long.parseUnsignedLong(at, 16));
    }
}
