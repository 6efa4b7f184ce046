package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.EventJournal.Entry;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(value = 2, unit = TimeUnit.MINUTES)
class EventJournalTest {
    private static final int FEW = 64;
    private static final long NO_BOUND = Long.MAX_VALUE;

    /** An event that knows its number. */
    private static MachineEvent event(long number) {
        return new MachineEvent.Unmapped(1, number, 0x1000, 0x1000);
    }

    private static long number(Entry entry) {
        return ((MachineEvent.Unmapped) entry.event()).iova();
    }

    private static EventJournal filled(int mostEvents, long mostBytes, int events) {
        var journal = new EventJournal(mostEvents, mostBytes);
        for (int number = 1; number <= events; number++) {
            journal.append(event(number));
        }
        return journal;
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            case                                 | events | from | most | missed | first | entries
            nothing yet                          | 0      | 1    | 10   | 0      |       | 0
            all                                  | 5      | 1    | 10   | 0      | 1     | 5
            some                                 | 5      | 1    | 3    | 0      | 1     | 3
            from the middle                      | 5      | 4    | 10   | 0      | 4     | 2
            none new                             | 5      | 6    | 10   | 0      |       | 0
            as many as are kept                  | 256    | 1    | 999  | 0      | 1     | 256
            one too many                         | 257    | 1    | 999  | 1      | 2     | 256
            the last that is kept                | 257    | 2    | 999  | 0      | 2     | 256
            far behind                           | 9999   | 1    | 5    | 9743   | 9744  | 5
            far behind, but not from the start   | 9999   | 9000 | 5    | 744    | 9744  | 5
            """)
    void whatAReaderIsToldOfTheLatest256(
            String what, int events, long from, int most, long missed, Long first, int entries) {
        var batch = filled(256, NO_BOUND, events).read(from, most);
        assertThat(batch.missed()).isEqualTo(missed);
        assertThat(batch.entries()).hasSize(entries);
        assertThat(batch.next()).isEqualTo(from + missed + entries);
        for (int i = 0; i < entries; i++) {
            assertThat(batch.entries().get(i).id()).isEqualTo(first + i);
            assertThat(number(batch.entries().get(i))).isEqualTo(first + i);
        }
    }

    @Test
    void theOldestGoWhenTheBytesAreFull() {
        var journal = filled(FEW, 10 * MachineEvent.USUAL_WEIGHT, 12);
        assertThat(journal.read(1, 99).missed()).isEqualTo(2);
        assertThat(journal.read(1, 99).entries()).hasSize(10);
        var name = "x".repeat(4 * MachineEvent.USUAL_WEIGHT);
        journal.append(new MachineEvent.PasidAllocated(new Route(new Rid(0, 1, 0, 0), 1), name));
        // it weighs 256 + 2 * 1024, that is nine of the others
        assertThat(journal.read(1, 99).entries()).extracting(Entry::id).containsExactly(12L, 13L);
    }

    @Test
    void theNewestStaysWhateverItWeighs() {
        var journal = filled(FEW, 2 * MachineEvent.USUAL_WEIGHT, 2);
        var name = "x".repeat(4 * MachineEvent.USUAL_WEIGHT);
        journal.append(new MachineEvent.PasidAllocated(new Route(new Rid(0, 1, 0, 0), 1), name));
        assertThat(journal.read(1, 99).entries()).extracting(Entry::id).containsExactly(3L);
        journal.append(event(4));
        assertThat(journal.read(1, 99).entries()).extracting(Entry::id).containsExactly(4L);
    }

    @Test
    void itEndsWhereItIsClosed() {
        var journal = filled(FEW, NO_BOUND, 3);
        assertThat(journal.endsBefore(4)).isFalse();
        journal.close();
        assertThat(journal.endsBefore(3)).isFalse();
        assertThat(journal.endsBefore(4)).isTrue();
    }

    /**
     * Beside a writer, each of several readers accounts for every number: it was read, in order, with the event that has it, or it was missed.
     * Some readers are fast, and some fall behind again and again.
     */
    @Test
    void besideAWriterEveryNumberIsReadOrMissed() throws Exception {
        int events = 5_000_000;
        var journal = new EventJournal(FEW, NO_BOUND);
        var threads = Executors.newVirtualThreadPerTaskExecutor();
        try {
            var readers = new ArrayList<Future<long[]>>();
            for (int most : new int[] {1, 2, 7, 64, 999}) {
                readers.add(threads.submit(reader(journal, most)));
            }
            var tail = threads.submit(tailReader(journal));
            for (int number = 1; number <= events; number++) {
                journal.append(event(number));
                journal.wake();
            }
            journal.close();
            journal.wake();
            assertThat(tail.get()).isPositive();
            for (var reader : readers) {
                long[] seen = reader.get();
                assertThat(seen[0] + seen[1]).isEqualTo(events);
                assertThat(seen[0]).isGreaterThanOrEqualTo(FEW); // those that were never given up
            }
        } finally {
            threads.shutdownNow(); // one may wait for ever
        }
    }

    private static Callable<long[]> reader(EventJournal journal, int most) {
        return () -> {
            long next = 1;
            long read = 0;
            long missed = 0;
            while (!journal.endsBefore(next)) {
                var batch = journal.read(next, most);
                next += batch.missed();
                for (var entry : batch.entries()) {
                    if (entry.id() != next || number(entry) != next) {
                        throw new AssertionError("%d instead of %d".formatted(entry.id(), next));
                    }
                    next++;
                }
                if (batch.next() != next) {
                    throw new AssertionError("goes on at %d instead of %d".formatted(batch.next(), next));
                }
                missed += batch.missed();
                read += batch.entries().size();
                if (batch.entries().isEmpty()) {
                    journal.await(next, TimeUnit.DAYS.toNanos(1)); // a wake-up that is lost ends the test
                }
            }
            return new long[] {read, missed};
        };
    }

    /** Always reads the oldest, just where the writer gives up what it has to. */
    private static Callable<Long> tailReader(EventJournal journal) {
        return () -> {
            long reads = 0;
            while (!journal.endsBefore(Long.MAX_VALUE)) {
                var batch = journal.read(1, 1);
                for (var entry : batch.entries()) {
                    if (entry.id() != 1 + batch.missed() || number(entry) != entry.id()) {
                        throw new AssertionError("%d after %d".formatted(entry.id(), batch.missed()));
                    }
                }
                reads++;
            }
            return reads;
        };
    }
}
