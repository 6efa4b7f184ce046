package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** IHI 0070, 3.5.1: positions in a queue, beside a queue without any. */
class QueueRingPropertyTest {
    /** Whatever is put in and taken out, the positions tell what a queue without positions tells. */
    @Property
    void positionsTellWhatIsInTheQueue(
            @ForAll @IntRange(max = 4) int bits, @ForAll @Size(max = 200) List<Boolean> puts) {
        var ring = new QueueRing(bits);
        var entries = new ArrayDeque<Integer>();
        int producer = 0;
        int consumer = 0;
        int put = 0;
        int taken = 0;
        for (var isPut : puts) {
            if (isPut && !ring.isFull(producer, consumer)) {
                entries.add(put);
                assertThat(ring.index(producer)).isEqualTo(put++ % (1 << bits));
                producer = ring.next(producer);
            } else if (!isPut && !ring.isEmpty(producer, consumer)) {
                assertThat(entries.remove()).isEqualTo(taken);
                assertThat(ring.index(consumer)).isEqualTo(taken++ % (1 << bits));
                consumer = ring.next(consumer);
            }
            assertThat(ring.count(producer, consumer)).isEqualTo(entries.size());
            assertThat(ring.isFull(producer, consumer)).isEqualTo(entries.size() == 1 << bits);
            assertThat(ring.isConsistent(producer, consumer)).isTrue();
        }
    }
}
