package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** IHI 0070, 3.5, 4.1 and 7.1: how commands come from memory, and where they stop. */
class CommandQueueTest {
    private static final long MEMORY = 0x10000;
    private static final long BASE = 0x4000;
    private static final long SYNC = 0x46;
    private static final long NOTHING = 0;

    private final PhysicalMemory memory = new PhysicalMemory(MEMORY);
    private final RecordedEffects effects = new RecordedEffects();
    private final UnitWrites writes = new UnitWrites(memory, address -> {});
    private final GlobalErrors errors = new GlobalErrors(SmmuCapabilities.DEFAULT, new Msi(writes, true, 0));
    private final CommandQueue queue = queue(SmmuCapabilities.DEFAULT);

    private CommandQueue queue(SmmuCapabilities capabilities) {
        var execution = new CommandExecution(capabilities, effects, writes, errors);
        execution.setTranslating(true);
        return new CommandQueue(memory, capabilities, execution, errors);
    }

    @AfterEach
    void close() {
        memory.close();
    }

    /** Puts a command where a position of a ring of {@code 2^bits} entries at {@link #BASE} is. */
    private void put(int bits, int position, long w0, long w1) {
        long at = BASE + (position & (1 << bits) - 1) * 16L;
        memory.commit(AddressRange.of(at, 16));
        memory.release(at, w0);
        memory.release(at + 8, w1);
    }

    private void on(int bits) {
        queue.writeBase(BASE | bits);
        queue.setEnabled(true);
    }

    private static long ste(int streamId) {
        return (long) streamId << 32 | 3;
    }

    @Test
    void commandsAreDoneUpToTheProducer() {
        put(3, 0, ste(1), 0);
        put(3, 1, ste(2), 1);
        put(3, 2, ste(3), 0);
        on(3);
        assertThat(effects.take()).isEmpty();

        queue.writeProducer(2);
        assertThat(effects.take()).containsExactly("ste 1", "ste 2 leaf");
        assertThat(queue.consumer()).isEqualTo(2);

        queue.writeProducer(3);
        assertThat(effects.take()).containsExactly("ste 3");
        queue.writeProducer(3);
        assertThat(effects.take()).isEmpty();
        assertThat(queue.consumer()).isEqualTo(3);
    }

    @Test
    void nothingIsDoneWhileTheQueueIsOff() {
        put(3, 0, ste(1), 0);
        queue.writeBase(BASE | 3);
        queue.writeProducer(1);
        assertThat(effects.take()).isEmpty();
        assertThat(queue.consumer()).isZero();

        queue.setEnabled(true);
        assertThat(effects.take()).containsExactly("ste 1");
        assertThat(queue.consumer()).isEqualTo(1);
    }

    /** A full queue, all of it, twice around. */
    @Test
    void aFullQueue() {
        on(2);
        int position = 0;
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 4; i++) {
                put(2, position + i, ste(16 * round + i), 0);
            }
            position = position + 4 & 7;
            queue.writeProducer(position);
            assertThat(effects.take())
                    .containsExactly(
                            "ste %x".formatted(16 * round),
                            "ste %x".formatted(16 * round + 1),
                            "ste %x".formatted(16 * round + 2),
                            "ste %x".formatted(16 * round + 3));
            assertThat(queue.consumer()).isEqualTo(position);
        }
    }

    @Test
    void oneEntry() {
        on(0);
        put(0, 0, ste(1), 0);
        queue.writeProducer(1);
        assertThat(queue.consumer()).isEqualTo(1);
        put(0, 0, ste(2), 0);
        queue.writeProducer(0);
        assertThat(queue.consumer()).isZero();
        assertThat(effects.take()).containsExactly("ste 1", "ste 2");
    }

    /** A command that is refused stays where it is, until that is acknowledged; then it is read again. */
    @Test
    void anIllegalCommand() {
        on(3);
        put(3, 0, ste(1), 0);
        put(3, 1, NOTHING, 0);
        put(3, 2, ste(3), 0);
        queue.writeProducer(3);

        assertThat(effects.take()).containsExactly("ste 1");
        assertThat(queue.consumer()).isEqualTo(1 << 24 | 1);
        assertThat(errors.reported()).isEqualTo(1);
        assertThat(queue.stands()).isTrue();

        queue.writeProducer(3);
        queue.setEnabled(false);
        queue.setEnabled(true);
        assertThat(effects.take()).isEmpty();

        errors.acknowledge(1);
        queue.process();
        assertThat(effects.take()).isEmpty();
        assertThat(errors.reported()).isZero();
        assertThat(queue.stands()).isTrue();

        put(3, 1, ste(2), 0);
        errors.acknowledge(0);
        queue.process();
        assertThat(effects.take()).containsExactly("ste 2", "ste 3");
        assertThat(queue.consumer() & 0xf_ffff).isEqualTo(3);
        assertThat(queue.stands()).isFalse();
    }

    /** While it stands, what comes after may be taken back. */
    @Test
    void theProducerMayGoBack() {
        on(3);
        put(3, 0, NOTHING, 0);
        put(3, 1, ste(2), 0);
        queue.writeProducer(2);
        queue.writeProducer(0);
        errors.acknowledge(1);
        queue.process();

        assertThat(effects.take()).isEmpty();
        assertThat(queue.stands()).isFalse();
        assertThat(queue.consumer() & 0xf_ffff).isZero();
    }

    @Test
    void aCommandThatIsNotInMemory() {
        queue.writeBase(MEMORY | 1);
        queue.setEnabled(true);
        queue.writeProducer(1);

        assertThat(queue.consumer()).isEqualTo(2 << 24);
        assertThat(errors.reported()).isEqualTo(1);
        assertThat(queue.stands()).isTrue();
    }

    /** Memory ends within the queue, which lies at a multiple of its size. */
    @Test
    void aQueueThatReachesBeyondMemory() {
        memory.commit(AddressRange.of(MEMORY - 16, 16));
        memory.release(MEMORY - 16, ste(9));
        queue.writeBase(BASE | 13);
        queue.writeConsumer(4095);
        queue.writeProducer(4097);
        queue.setEnabled(true);

        assertThat(effects.take()).containsExactly("ste 9");
        assertThat(queue.consumer()).isEqualTo(2 << 24 | 4096);
        assertThat(queue.stands()).isTrue();
    }

    /** The CMD_SYNC after an ATC invalidation that was not answered stands, and is done when software goes on. */
    @Test
    void aSilentDevice() {
        effects.silence(0x21);
        on(3);
        put(3, 0, 0x2100000040L, 0x34);
        put(3, 1, ste(1), 0);
        put(3, 2, 0x5500001000L | SYNC, 0x1000);
        put(3, 3, ste(2), 0);
        queue.writeProducer(4);

        assertThat(effects.take()).containsExactly("atc 21 - 0..ffffffffffffffff", "ste 1");
        assertThat(queue.consumer()).isEqualTo(3 << 24 | 2);
        assertThat(memory.acquire(0x1000)).isZero();

        errors.acknowledge(1);
        queue.process();
        assertThat(effects.take()).containsExactly("ste 2");
        assertThat(memory.acquire(0x1000)).isEqualTo(0x55);
        assertThat(queue.consumer()).isEqualTo(3 << 24 | 4);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1               | at   | holds
            000000550fc01046 | 0000000000001000 | 1000 | 55
            ffffffff00001046 | 0000000000001004 | 1000 | ffffffff00000000
            000000550fc01046 | fff0000000001003 | 1000 | 55
            0000005500001046 | 0000000000000000 | 0    | 0
            0000005500000046 | 0000000000001000 | 1000 | 0
            0000005500002046 | 0000000000001000 | 1000 | 0
            """)
    void messages(String w0, String w1, String at, String holds) {
        on(3);
        put(3, 0, Long.parseUnsignedLong(w0, 16), Long.parseUnsignedLong(w1, 16));
        queue.writeProducer(1);

        assertThat(memory.acquire(Long.parseLong(at, 16))).isEqualTo(Long.parseUnsignedLong(holds, 16));
        assertThat(queue.consumer()).isEqualTo(1);
        assertThat(errors.reported()).isZero();
    }

    /** A lost message is an error, but the CMD_SYNC has been done, and the queue goes on. */
    @Test
    void anAbortedMessage() {
        on(3);
        put(3, 0, 0x5500001000L | SYNC, MEMORY);
        put(3, 1, ste(1), 0);
        queue.writeProducer(2);

        assertThat(errors.reported()).isEqualTo(1 << 4);
        assertThat(queue.consumer()).isEqualTo(2);
        assertThat(effects.take()).containsExactly("ste 1");
    }

    @Test
    void aUnitWithoutMessagesSendsNone() {
        var other = queue(SmmuCapabilities.raw(Map.of("IDR0", 0x084d169bL, "IDR1", 0x0e739c10L, "IDR5", 0x400075L)));
        put(3, 0, 0x5500001000L | SYNC, 0x1000);
        other.writeBase(BASE | 3);
        other.setEnabled(true);
        other.writeProducer(1);

        assertThat(memory.acquire(0x1000)).isZero();
        assertThat(other.consumer()).isEqualTo(1);
        assertThat(errors.reported()).isZero();
    }

    /** Commands that do not come through the ring do not move it, and an error of theirs does not stop it. */
    @Test
    void submitted() {
        effects.silence(0x21);

        assertThat(queue.submit(ste(1), 0)).isNull();
        assertThat(queue.submit(NOTHING, 0)).isEqualTo(CommandError.CERROR_ILL);
        assertThat(queue.submit(0x5500001000L | SYNC, 0x1000)).isNull();
        assertThat(queue.submit(0x2100000040L, 0x34)).isNull();
        assertThat(queue.submit(SYNC, 0)).isEqualTo(CommandError.CERROR_ATC_INV_SYNC);
        assertThat(queue.submit(SYNC, 0)).isNull();

        assertThat(effects.take()).containsExactly("ste 1", "atc 21 - 0..ffffffffffffffff");
        assertThat(memory.acquire(0x1000)).isEqualTo(0x55);
        assertThat(queue.consumer()).isZero();
        assertThat(queue.stands()).isFalse();
        assertThat(errors.reported()).isZero();
    }

    /** Where positions are written that no queue can have, nothing is done. */
    @Test
    void positionsThatCannotBe() {
        on(3);
        for (int i = 0; i < 8; i++) {
            put(3, i, ste(i), 0);
        }
        queue.writeProducer(9);
        assertThat(effects.take()).isEmpty();
        assertThat(queue.consumer()).isZero();

        queue.writeProducer(8);
        assertThat(effects.take()).hasSize(8);
    }

    @Test
    void registersThatAreGuarded() {
        on(3);
        queue.writeBase(0x5005);
        queue.writeConsumer(3);
        assertThat(queue.base()).isEqualTo(BASE | 3);
        assertThat(queue.consumer()).isZero();

        queue.setEnabled(false);
        queue.writeBase(-1);
        assertThat(queue.base()).isEqualTo(0x400f_ffff_ffff_ffffL);
        queue.writeConsumer(-1);
        queue.writeProducer(-1);
        assertThat(queue.consumer()).isEqualTo(0x7f0f_ffffL);
        assertThat(queue.producer()).isEqualTo(0xf_ffff);
        queue.writeBase(BASE | 3);
        assertThat(queue.consumer()).isEqualTo(0x7f00_000fL);
        assertThat(queue.producer()).isEqualTo(0xf);
    }

    /** Whatever is put in and when, every command is done once and in order. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 7})
    void randomTraffic(int bits) {
        on(bits);
        var random = new Random(bits);
        int producer = 0;
        int number = 0;
        @Nullable Integer illegal = null;
        for (int i = 0; i < 3_000; i++) {
            int room = illegal == null ? 1 << bits : (1 << bits) - (producer - illegal & (2 << bits) - 1);
            var expected = new ArrayList<String>();
            int count = random.nextInt(room + 1);
            for (int j = 0; j < count; j++) {
                boolean wrong = random.nextInt(20) == 0;
                put(bits, producer, wrong ? NOTHING : ste(number & 0xffff), 0);
                if (wrong && illegal == null) {
                    illegal = producer;
                } else if (!wrong && illegal == null) {
                    expected.add("ste %x".formatted(number & 0xffff));
                }
                number++;
                producer = producer + 1 & (2 << bits) - 1;
            }
            queue.writeProducer(producer);
            assertThat(effects.take()).isEqualTo(expected);
            assertThat(queue.stands()).isEqualTo(illegal != null);
            assertThat(queue.consumer() & 0xf_ffff).isEqualTo(illegal == null ? producer : illegal);
            if (illegal != null && random.nextBoolean()) {
                var mended = new ArrayList<String>();
                for (int position = illegal; position != producer; position = position + 1 & (2 << bits) - 1) {
                    put(bits, position, ste(position), 1);
                    mended.add("ste %x leaf".formatted(position));
                }
                errors.acknowledge(errors.reported());
                queue.process();
                assertThat(effects.take()).isEqualTo(mended);
                illegal = null;
            }
        }
        assertThat(List.of(queue.producer())).containsExactly((long) producer);
    }
}
