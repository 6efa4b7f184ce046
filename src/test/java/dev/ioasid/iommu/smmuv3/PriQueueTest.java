package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.PriQueue.Outcome.CLOSED;
import static dev.ioasid.iommu.smmuv3.PriQueue.Outcome.OVERFLOWED;
import static dev.ioasid.iommu.smmuv3.PriQueue.Outcome.WRITTEN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** IHI 0070, 3.5 and chapter 8: entries of the PRI queue, and what is written to it. */
class PriQueueTest {
    private static final long OVERFLOW = 0x8000_0000L;
    private static final long MEMORY = 0x10000;

    private final PhysicalMemory memory = new PhysicalMemory(MEMORY);
    private final List<Long> written = new ArrayList<>();
    private final UnitWrites writes = new UnitWrites(memory, written::add);
    private final GlobalErrors errors = new GlobalErrors(SmmuCapabilities.DEFAULT, new Msi(writes, true, 0));
    private final Msi message = new Msi(writes, true, PriQueue.LAST_ONLY);
    private final OutputQueue registers = new OutputQueue(19, PriEntry.SIZE);
    private final PriQueue queue = new PriQueue(registers, writes, errors, message);

    @AfterEach
    void close() {
        memory.close();
    }

    private static Rid rid(int streamId) {
        return Rid.ofSourceId(streamId >>> 16, streamId & 0xffff);
    }

    /** {@code rwxpL}: what is asked for, and whether it is the last of its group. */
    private static PageRequest request(int streamId, int pasid, String what, int group, long address) {
        var permissions =
                new Permissions(what.contains("r"), what.contains("w"), what.contains("x"), what.contains("p"));
        return new PageRequest(rid(streamId), streamId, pasid, address, permissions, group, what.contains("L"));
    }

    private static PriEntry entry(int number, boolean last) {
        return PriEntry.of(request(0x21, 5, last ? "rL" : "r", 1, number * 0x1000L), true);
    }

    // ---- entries

    @ParameterizedTest(name = "{0}/{1} {2} {3} {4}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            sid      | ssid  | what  | group | address          | w0               | w1
            21       | 5     | rwL   | 1b    | 00007fabcdef4000 | f000000500000021 | 00007fabcdef401b
            21       | 5     | L     | 0     | 0000000000000000 | c000000500000021 | 0000000000000000
            21       | 5     | r     | 1ff   | fffffffffffff000 | 9000000500000021 | fffffffffffff1ff
            ffffffff | fffff | wxp   | 0     | 0000000000001000 | ac0fffffffffffff | 0000000000001000
            21       |       | rwL   | 1b    | 00007fabcdef4000 | 7000000000000021 | 00007fabcdef401b
            21       |       | rxpL  | 1     | 0000000000001000 | 5000000000000021 | 0000000000001001
            21       |       | L     | 0     | 0000000000001000 | 4000000000000021 | 0000000000001000
            """)
    void words(String sid, @Nullable String ssid, String what, String group, String address, String w0, String w1) {
        int pasid = ssid == null ? DmaRequest.NO_PASID : Integer.parseInt(ssid, 16);
        int streamId = Integer.parseUnsignedInt(sid, 16);
        long page = Long.parseUnsignedLong(address, 16);
        var asked = request(streamId, pasid, what, Integer.parseInt(group, 16), page);

        var entry = PriEntry.of(asked, true);

        assertThat("%016x %016x".formatted(entry.word0(), entry.word1())).isEqualTo(w0 + " " + w1);
        assertThat(entry.word0() & PriEntry.LAYOUT.reserved(0)).isZero();
        assertThat(entry.word1() & PriEntry.LAYOUT.reserved(1)).isZero();
        var seen = ssid == null ? what.replaceAll("[xp]", "") : what;
        assertThat(entry.request(PriQueueTest::rid))
                .isEqualTo(request(streamId, pasid, seen, Integer.parseInt(group, 16), page));
    }

    @Test
    void aUnitWithoutSubstreamsDoesNotSeeThePasid() {
        var entry = PriEntry.of(request(0x21, 5, "rxpL", 1, 0x1000), false);
        assertThat(entry).isEqualTo(new PriEntry(0x5000000000000021L, 0x1001));
    }

    /** Bits that are reserved do not matter to whoever reads it. */
    @Test
    void reservedBitsAreIgnored() {
        var all = new PriEntry(0x03f00000_00000000L, 0xe00L).request(PriQueueTest::rid);
        assertThat(all).isEqualTo(request(0, DmaRequest.NO_PASID, "", 0, 0));
    }

    // ---- the ring

    private void on(long base) {
        registers.writeBase(base);
        registers.writeProducer(0);
        registers.writeConsumer(0);
        registers.setEnabled(true);
    }

    private List<Integer> numbers() {
        var numbers = new ArrayList<Integer>();
        for (long at : registers.waiting()) {
            numbers.add((int) (memory.acquire(at + 8) >>> 12));
        }
        return numbers;
    }

    @Test
    void entriesLieInMemoryInOrder() {
        on(0x2002);

        assertThat(queue.write(new PriEntry(0xf000000500000021L, 0x7fabcdef401bL)))
                .isEqualTo(WRITTEN);
        assertThat(queue.write(new PriEntry(3, 4))).isEqualTo(WRITTEN);

        assertThat(registers.producer()).isEqualTo(2);
        assertThat(memory.acquire(0x2000)).isEqualTo(0xf000000500000021L);
        assertThat(memory.acquire(0x2008)).isEqualTo(0x7fabcdef401bL);
        assertThat(memory.acquire(0x2010)).isEqualTo(3);
        assertThat(memory.acquire(0x2018)).isEqualTo(4);
        assertThat(written).containsExactly(0x2000L, 0x2008L, 0x2010L, 0x2018L);
    }

    @Test
    void aQueueThatIsOffTakesNothingAndDoesNotOverflow() {
        registers.writeBase(0x2000);
        assertThat(queue.write(entry(1, true))).isEqualTo(CLOSED);
        assertThat(registers.producer()).isZero();
        assertThat(written).isEmpty();
    }

    /** Where there is room, but an overflow has not been acknowledged, nothing is written; acknowledged, it goes on. */
    @Test
    void anOverflowStopsTheQueueUntilItIsAcknowledged() {
        on(0x2001);
        queue.write(entry(1, true));
        queue.write(entry(2, true));
        assertThat(registers.producer()).isEqualTo(2);
        assertThat(queue.write(entry(3, true))).isEqualTo(OVERFLOWED);
        assertThat(registers.producer()).isEqualTo(OVERFLOW | 2);
        assertThat(queue.write(entry(4, true))).isEqualTo(OVERFLOWED);
        assertThat(registers.producer()).as("told once").isEqualTo(OVERFLOW | 2);

        registers.writeConsumer(2); // all are consumed
        assertThat(queue.write(entry(5, true))).isEqualTo(OVERFLOWED);
        assertThat(registers.producer()).isEqualTo(OVERFLOW | 2);

        registers.writeConsumer(OVERFLOW | 2);
        assertThat(queue.write(entry(6, true))).isEqualTo(WRITTEN);
        assertThat(registers.producer()).isEqualTo(OVERFLOW | 3);
        assertThat(numbers()).containsExactly(6);
        queue.write(entry(7, true));
        assertThat(queue.write(entry(8, true))).isEqualTo(OVERFLOWED);
        assertThat(registers.producer()).as("back, and through the wrap").isZero();
    }

    @Test
    void anAbortedWriteClosesTheQueueUntilItIsAcknowledged() {
        on(MEMORY | 2);
        assertThat(queue.write(entry(1, true))).isEqualTo(CLOSED);
        assertThat(errors.reported()).isEqualTo(1 << 3);
        assertThat(registers.producer()).isZero();
        registers.setEnabled(false);
        on(0x2002);
        assertThat(queue.write(entry(2, true))).isEqualTo(CLOSED);
        assertThat(written).isEmpty();
        errors.acknowledge(1 << 3);
        assertThat(queue.write(entry(3, true))).isEqualTo(WRITTEN);
        assertThat(numbers()).containsExactly(3);
    }

    // ---- interrupts

    private boolean interrupted() {
        boolean sent = memory.acquire(0x3000) != 0;
        memory.release(0x3000, 0);
        return sent;
    }

    private void interrupt(long attributes) {
        message.writeAddress(0x3000);
        message.writeData(7);
        message.writeAttributes(attributes);
        message.setEnabled(true);
        on(0x2001);
    }

    @Test
    void theFirstInTheQueueInterrupts() {
        interrupt(0);
        queue.write(entry(1, false));
        assertThat(interrupted()).isTrue();
        queue.write(entry(2, true));
        assertThat(interrupted()).isFalse();
        queue.write(entry(3, true));
        assertThat(interrupted()).as("nor one that is lost").isFalse();
    }

    @Test
    void withLoTheLastOfAGroupInterruptsWrittenOrLost() {
        interrupt(PriQueue.LAST_ONLY);
        queue.write(entry(1, false));
        assertThat(interrupted()).isFalse();
        queue.write(entry(2, true));
        assertThat(interrupted()).isTrue();
        queue.write(entry(3, false));
        assertThat(interrupted()).isFalse();
        queue.write(entry(4, true));
        assertThat(interrupted()).isTrue();
        registers.setEnabled(false);
        queue.write(entry(5, true));
        assertThat(interrupted()).as("the queue is off").isFalse();
    }

    @Test
    void anAbortedMessageIsAnError() {
        message.writeAddress(MEMORY);
        message.setEnabled(true);
        on(0x2001);
        assertThat(queue.write(entry(1, true))).isEqualTo(WRITTEN);
        assertThat(errors.reported()).isEqualTo(1 << 6);
    }

    /** Against a plain list, through many rounds of the ring. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 5})
    void randomTraffic(int bits) {
        on(0x4000 | bits);
        var random = new Random(bits);
        var expected = new ArrayDeque<Integer>();
        int consumed = 0;
        boolean overflow = false;
        long acknowledged = 0;
        for (int i = 0; i < 5_000; i++) {
            if (random.nextInt(3) > 0) {
                boolean room = !overflow && expected.size() < 1 << bits;
                assertThat(queue.write(entry(i, random.nextBoolean()))).isEqualTo(room ? WRITTEN : OVERFLOWED);
                if (room) {
                    expected.add(i);
                } else {
                    overflow = true;
                }
            } else {
                for (int j = random.nextInt(expected.size() + 1); j > 0; j--) {
                    expected.remove();
                    consumed++;
                }
                if (random.nextBoolean()) {
                    acknowledged = registers.producer() & OVERFLOW;
                    overflow = false;
                }
                registers.writeConsumer(consumed & (2 << bits) - 1 | acknowledged);
            }
            assertThat(registers.overflowed()).isEqualTo(overflow);
            assertThat(numbers()).containsExactlyElementsOf(expected);
        }
    }
}
