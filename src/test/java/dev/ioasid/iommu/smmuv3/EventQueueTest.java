package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.EventQueue.Outcome.DROPPED;
import static dev.ioasid.iommu.smmuv3.EventQueue.Outcome.PENDING;
import static dev.ioasid.iommu.smmuv3.EventQueue.Outcome.WRITTEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** IHI 0070, 3.5, 7.2 and 7.4: what is written to the Event queue, and what is not. */
class EventQueueTest {
    private static final long OVERFLOW = 0x8000_0000L;
    private static final long MEMORY = 0x10000;

    private final PhysicalMemory memory = new PhysicalMemory(MEMORY);
    private final List<Long> written = new ArrayList<>();
    private final UnitWrites writes = new UnitWrites(memory, written::add);
    private final Msi errorMessage = new Msi(writes, true, 0);
    private final Msi message = new Msi(writes, true, 0);
    private final GlobalErrors errors = new GlobalErrors(SmmuCapabilities.DEFAULT, errorMessage);
    private final OutputQueue registers = new OutputQueue(19, EventQueue.SIZE);
    private final EventQueue queue = new EventQueue(memory, registers, writes, errors, message);

    @AfterEach
    void close() {
        memory.close();
    }

    /** A queue that is on and empty. */
    private void on(long base) {
        registers.writeBase(base);
        registers.writeProducer(0);
        registers.writeConsumer(0);
        registers.setEnabled(true);
    }

    private static long[] record(int number) {
        return new long[] {0x21_0000_0010L | (long) number << 12 | 1 << 11, 0x20800000000L, number, 0};
    }

    private List<Integer> numbers() {
        return queue.faults(EventQueueTest::rid).stream()
                .map(FaultRecord::pasid)
                .toList();
    }

    private static Rid rid(int streamId) {
        return Rid.ofSourceId(0, streamId);
    }

    @Test
    void recordsLieInMemoryInOrder() {
        on(0x2002);

        assertThat(queue.write(new long[] {0x2100005813L, 0x20000000000L, 0x7fabce012345L, 4}, false))
                .isEqualTo(WRITTEN);
        assertThat(queue.write(new long[] {5, 6, 7, 8}, false)).isEqualTo(WRITTEN);

        assertThat(registers.producer()).isEqualTo(2);
        assertThat(words(0x2000, 8))
                .containsExactly(0x2100005813L, 0x20000000000L, 0x7fabce012345L, 4L, 5L, 6L, 7L, 8L);
        assertThat(written).containsExactly(0x2000L, 0x2008L, 0x2010L, 0x2018L, 0x2020L, 0x2028L, 0x2030L, 0x2038L);
        var faults = queue.faults(EventQueueTest::rid);
        assertThat(faults).hasSize(2);
        assertThat(faults.getFirst().name()).isEqualTo("F_PERMISSION");
        assertThat(faults.getFirst().rid()).isEqualTo(rid(0x21));
        assertThat(faults.getFirst().words()).containsExactly(0x2100005813L, 0x20000000000L, 0x7fabce012345L, 4L);
    }

    private List<Long> words(long at, int count) {
        var words = new ArrayList<Long>();
        for (int i = 0; i < count; i++) {
            words.add(memory.acquire(at + 8L * i));
        }
        return words;
    }

    @Test
    void aQueueThatIsOffTakesNothingAndDoesNotOverflow() {
        registers.writeBase(0x2002);

        assertThat(queue.write(record(1), false)).isEqualTo(DROPPED);
        assertThat(queue.write(record(1), true)).isEqualTo(PENDING);
        assertThat(registers.producer()).isZero();
        assertThat(queue.isWritable()).isFalse();
        assertThat(queue.dropped()).as("nobody wanted it").isZero();
        assertThat(written).isEmpty();
    }

    /** 9E: one entry. */
    @Test
    void oneEntry() {
        on(0x2000);

        assertThat(queue.write(record(1), false)).isEqualTo(WRITTEN);
        assertThat(registers.producer()).isEqualTo(1);
        assertThat(queue.write(record(2), true)).isEqualTo(PENDING);
        assertThat(registers.producer()).isEqualTo(1);
        assertThat(queue.overflowed()).isFalse();
        assertThat(queue.write(record(3), false)).isEqualTo(DROPPED);
        assertThat(registers.producer()).isEqualTo(0x80000001L);
        assertThat(queue.overflowed()).isTrue();
        assertThat(queue.write(record(4), false)).isEqualTo(DROPPED);
        assertThat(registers.producer()).isEqualTo(0x80000001L);
        assertThat(queue.dropped()).as("but not the stalled one's, which waits").isEqualTo(2);
        assertThat(numbers()).containsExactly(1);
    }

    /** An overflow that has not been acknowledged stops nothing; acknowledged, it can be told again. */
    @Test
    void overflowComesAgain() {
        on(0x2001);
        for (int i = 0; i < 3; i++) {
            queue.write(record(i), false);
        }
        assertThat(registers.producer()).isEqualTo(OVERFLOW | 2);

        registers.writeConsumer(1); // a place is free, the overflow not acknowledged
        assertThat(queue.write(record(3), false)).isEqualTo(WRITTEN);
        assertThat(registers.producer()).isEqualTo(OVERFLOW | 3);
        assertThat(queue.write(record(4), false)).isEqualTo(DROPPED);
        assertThat(registers.producer()).isEqualTo(OVERFLOW | 3);

        registers.writeConsumer(OVERFLOW | 3);
        assertThat(queue.overflowed()).isFalse();
        queue.write(record(5), false);
        queue.write(record(6), false);
        assertThat(queue.write(record(7), false)).isEqualTo(DROPPED);
        assertThat(registers.producer()).isEqualTo(1);
        assertThat(queue.overflowed()).isTrue();
        assertThat(numbers()).containsExactly(5, 6);
    }

    @Test
    void clearingConsumesAllAndAcknowledges() {
        on(0x2001);
        for (int i = 0; i < 3; i++) {
            queue.write(record(i), false);
        }

        queue.clear();

        assertThat(registers.consumer()).isEqualTo(OVERFLOW | 2);
        assertThat(queue.overflowed()).isFalse();
        assertThat(queue.dropped()).isEqualTo(1);
        assertThat(numbers()).isEmpty();
        assertThat(queue.isWritable()).isTrue();
    }

    /** A record that cannot be written is lost, and so are all until that is acknowledged. */
    @Test
    void anAbortedWrite() {
        on(MEMORY | 2);

        assertThat(queue.write(record(1), false)).isEqualTo(DROPPED);
        assertThat(errors.reported()).isEqualTo(1 << 2);
        assertThat(registers.producer()).isZero();
        assertThat(queue.overflowed()).isFalse();
        assertThat(queue.write(record(2), true)).isEqualTo(PENDING);
        assertThat(errors.reported()).isEqualTo(1 << 2);

        registers.setEnabled(false);
        registers.writeBase(0x2002);
        registers.setEnabled(true);
        assertThat(queue.write(record(3), false)).isEqualTo(DROPPED);
        assertThat(queue.isWritable()).isFalse();
        assertThat(queue.dropped()).isEqualTo(2);

        errors.acknowledge(1 << 2);
        assertThat(queue.write(record(4), false)).isEqualTo(WRITTEN);
        assertThat(numbers()).containsExactly(4);
    }

    @Test
    void anAbortedWriteOfAStall() {
        on(MEMORY | 2);

        assertThat(queue.write(record(1), true)).isEqualTo(PENDING);
        assertThat(errors.isActive(Gerror.EVENTQ_ABT_ERR)).isTrue();
    }

    /** The error is told a second time by turning the bit back. */
    @Test
    void anAbortedWriteAfterOneThatWasAcknowledged() {
        on(MEMORY | 2);
        queue.write(record(1), false);
        errors.acknowledge(1 << 2);
        assertThat(errors.isActive(Gerror.EVENTQ_ABT_ERR)).isFalse();

        queue.write(record(1), false);

        assertThat(errors.reported()).isZero();
        assertThat(errors.isActive(Gerror.EVENTQ_ABT_ERR)).isTrue();
    }

    /** A message goes out when the queue was empty; it fills 32 bits. */
    @Test
    void messages() {
        on(0x2002);
        memory.release(0x3000, 0x1111111122222222L);
        memory.commit(new AddressRange(0x3000, 0x3007));
        message.writeAddress(0x3007);
        message.writeData(0xabcdef55L);
        message.setEnabled(true);

        queue.write(record(1), false);
        assertThat(memory.acquire(0x3000)).isEqualTo(0xabcdef5522222222L);

        memory.release(0x3000, 0);
        queue.write(record(2), false);
        assertThat(memory.acquire(0x3000)).isZero();

        queue.clear();
        queue.write(record(3), false);
        assertThat(memory.acquire(0x3000)).isEqualTo(0xabcdef5500000000L);
        assertThat(errors.reported()).isZero();
    }

    @Test
    void noMessageWithoutAnAddressOrAnEnable() {
        on(0x2002);
        message.setEnabled(true);
        queue.write(record(1), false);
        assertThat(written).hasSize(4);

        queue.clear();
        message.setEnabled(false);
        message.writeAddress(0x3000);
        queue.write(record(2), false);
        assertThat(written).hasSize(8);
        assertThat(errors.reported()).isZero();
    }

    /** A lost message is told as an error; that error's own message, and its loss, too. */
    @Test
    void anAbortedMessage() {
        on(0x2002);
        message.writeAddress(MEMORY);
        message.setEnabled(true);
        errorMessage.writeAddress(0x3000);
        errorMessage.writeData(7);
        errorMessage.setEnabled(true);

        assertThat(queue.write(record(1), false)).isEqualTo(WRITTEN);
        assertThat(errors.reported()).isEqualTo(1 << 5);
        assertThat(memory.acquire(0x3000)).isEqualTo(7);

        errorMessage.setEnabled(false);
        errorMessage.writeAddress(MEMORY + 4);
        errorMessage.setEnabled(true);
        errors.acknowledge(1 << 5);
        queue.clear();
        assertThat(queue.write(record(2), false)).isEqualTo(WRITTEN);
        assertThat(errors.reported()).isEqualTo(1 << 7);
        assertThat(errors.acknowledged()).isEqualTo(1 << 5);
    }

    /** Where positions are written that no queue can have, it counts as full. */
    @Test
    void positionsThatCannotBe() {
        registers.writeBase(0x2002);
        registers.writeProducer(0);
        registers.writeConsumer(1);
        registers.setEnabled(true);

        assertThat(queue.isWritable()).isFalse();
        assertThat(queue.write(record(1), true)).isEqualTo(PENDING);
        assertThat(queue.write(record(1), false)).isEqualTo(DROPPED);
        assertThat(queue.overflowed()).isTrue();
        assertThat(numbers()).isEmpty();
    }

    @Test
    void registersThatAreGuarded() {
        on(0x2002);

        registers.writeBase(0x3003);
        registers.writeProducer(3);
        assertThat(registers.base()).isEqualTo(0x2002);
        assertThat(registers.producer()).isZero();

        registers.setEnabled(false);
        registers.writeBase(-1);
        registers.writeProducer(-1);
        registers.writeConsumer(-1);
        assertThat(registers.base()).isEqualTo(0x400f_ffff_ffff_ffffL);
        assertThat(registers.producer()).isEqualTo(0x800f_ffffL);
        assertThat(registers.consumer()).isEqualTo(0x800f_ffffL);
        registers.writeBase(0x2002);
        assertThat(registers.producer()).isEqualTo(OVERFLOW | 7);
        assertThat(registers.consumer()).isEqualTo(OVERFLOW | 7);
    }

    /** LOG2SIZE above IDR1.EVENTQS reads back, and counts as that. */
    @Test
    void theLargestSize() {
        var few = new OutputQueue(2, EventQueue.SIZE);
        var smallQueue = new EventQueue(memory, few, writes, errors, message);
        few.writeBase(0x2013);
        few.setEnabled(true);

        assertThat(few.base()).isEqualTo(0x2013);
        for (int i = 0; i < 4; i++) {
            assertThat(smallQueue.write(record(i), false)).isEqualTo(WRITTEN);
        }
        assertThat(smallQueue.write(record(5), false)).isEqualTo(DROPPED);
        assertThat(memory.acquire(0x2060)).isEqualTo(record(3)[0]);
    }

    /** What has been recorded is read from memory: software may have changed it, or moved the queue where there is none. */
    @Test
    void faultsAreReadAsTheyLieThere() {
        on(0x2002);
        queue.write(record(1), false);
        memory.release(0x2000, 0x22_0000_5804L);
        var fault = queue.faults(EventQueueTest::rid).getFirst();
        assertThat(fault.name()).isEqualTo("C_BAD_STE");
        assertThat(fault.rid()).isEqualTo(rid(0x22));

        registers.setEnabled(false);
        registers.writeBase(MEMORY | 2);
        assertThat(queue.faults(EventQueueTest::rid)).isEmpty();
    }

    /** Whatever comes and is consumed, what is read is what was written, in order, and nothing is written over. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 5})
    void randomTraffic(int bits) {
        on(0x4000 | bits);
        var random = new Random(bits);
        var expected = new ArrayDeque<Integer>();
        int consumed = 0;
        boolean acknowledged = false;
        boolean overflow = false;
        for (int i = 0; i < 5_000; i++) {
            if (random.nextInt(3) > 0) {
                boolean stall = random.nextInt(4) == 0;
                boolean room = expected.size() < 1 << bits;
                var outcome = queue.write(record(i), stall);
                assertThat(outcome).isEqualTo(room ? WRITTEN : stall ? PENDING : DROPPED);
                if (room) {
                    expected.add(i);
                } else if (!stall) {
                    overflow = true;
                }
            } else {
                int count = expected.isEmpty() ? 0 : random.nextInt(expected.size() + 1);
                for (int j = 0; j < count; j++) {
                    expected.remove();
                    consumed++;
                }
                if (random.nextBoolean()) {
                    acknowledged = (registers.producer() & OVERFLOW) != 0;
                    overflow = false;
                }
                registers.writeConsumer(consumed & (2 << bits) - 1 | (acknowledged ? OVERFLOW : 0));
            }
            assertThat(queue.overflowed()).isEqualTo(overflow);
            assertThat(numbers()).containsExactlyElementsOf(expected);
        }
    }
}
