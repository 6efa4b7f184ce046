package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.smmuv3.oracle.Answer;
import dev.ioasid.iommu.smmuv3.oracle.Open;
import dev.ioasid.iommu.smmuv3.oracle.Request;
import dev.ioasid.iommu.smmuv3.oracle.SmmuOracle;
import dev.ioasid.iommu.smmuv3.oracle.Words;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Asks a unit and the oracle the same: answers, events, and memory afterwards must be alike. */
final class Comparison implements AutoCloseable {
    private static final int PAGE = 0x1000;

    /** At most one of these questions matters to a request. */
    private static final List<Set<Open>> OTHERWISE =
            Arrays.stream(Open.values()).map(Set::of).toList();

    private final PhysicalMemory memory = RandomMemory.physical();
    private final Subject.Maker maker;
    private final Consumer<Expected> seen;

    /**
     * What becomes of a request.
     *
     * @param changes words of memory, as they end up
     */
    record Expected(RandomSmmu configuration, Request request, Answer answer, Map<Long, Long> changes) {}

    /** @param seen is told of all that was expected */
    Comparison(Subject.Maker maker, Consumer<Expected> seen) {
        this.maker = maker;
        this.seen = seen;
    }

    /** Differences, one a line; empty if there are none. */
    List<String> of(long seed) {
        var configuration = new RandomSmmu(seed);
        configuration.writeTo(memory);
        var addresses = configuration.words();
        var differences = new ArrayList<String>();
        var subject = maker.over(configuration, memory);
        for (var request : configuration.requests) {
            var before = words(addresses);
            var expected = expected(configuration, request);
            seen.accept(expected.getFirst());
            if (!configuration.warm) {
                subject = maker.over(configuration, memory);
            }
            var answer = subject.answer(request);
            var after = words(addresses);
            var found = expected.stream()
                    .map(one -> difference(one, answer, addresses, before, after))
                    .toList();
            if (!found.contains("")) {
                differences.add("seed %d, %s, %s: %s".formatted(seed, configuration, request, found.getFirst()));
            }
        }
        checkRest(addresses, stray -> differences.add("seed %d, %s: %s".formatted(seed, configuration, stray)));
        configuration.eraseFrom(memory);
        return differences;
    }

    @Override
    public void close() {
        memory.close();
    }

    /** What the reference says, and what else it allows. */
    private List<Expected> expected(RandomSmmu configuration, Request request) {
        var expected = new ArrayList<Expected>();
        expected.add(expected(configuration, request, Set.of()));
        if (expected.getFirst().answer instanceof Answer.Event) {
            OTHERWISE.forEach(open -> expected.add(expected(configuration, request, open)));
        }
        return expected;
    }

    private Expected expected(RandomSmmu configuration, Request request, Set<Open> open) {
        var changes = new TreeMap<Long, Long>();
        var under = Words.of(memory);
        var glass = new Words() {
            @Override
            public boolean backs(long address) {
                return under.backs(address);
            }

            @Override
            public long read(long address) {
                var changed = changes.get(address);
                return changed != null ? changed : under.read(address);
            }

            @Override
            public void write(long address, long word) {
                changes.put(address, word);
            }
        };
        var answer = new SmmuOracle(configuration.smmu, glass, open, request).answer();
        return new Expected(configuration, request, answer, changes);
    }

    /** Empty if there is none. */
    private static String difference(Expected expected, Answer answer, long[] addresses, long[] before, long[] after) {
        if (expected.answer instanceof Answer.Unsaid) {
            return "";
        }
        if (!alike(expected.answer, answer)) {
            return "expected %s, was %s".formatted(expected.answer, answer);
        }
        var should = before.clone();
        expected.changes.forEach((address, word) -> should[Arrays.binarySearch(addresses, address)] = word);
        int word = Arrays.mismatch(should, after);
        return word < 0
                ? ""
                : "%s, at %x expected %x, was %x, before %x"
                        .formatted(answer, addresses[word], should[word], after[word], before[word]);
    }

    static boolean alike(Answer expected, Answer answer) {
        return switch (expected) {
            case Answer.Page page ->
                answer instanceof Answer.Page other
                        && other.address() == page.address()
                        && (page.size() == 0 || other.size() == page.size())
                        && (page.rightsOpen() || other.read() == page.read() && other.write() == page.write());
            case Answer.Event event ->
                answer instanceof Answer.Event other
                        && other.code() == event.code()
                        && other.recorded() == event.recorded()
                        && other.stalled() == event.stalled()
                        && (!event.recorded() || other.words().equals(event.words()));
            case Answer.Silent() -> answer instanceof Answer.Silent;
            case Answer.Unsaid(var question) -> true;
        };
    }

    private long[] words(long[] addresses) {
        return Arrays.stream(addresses).map(memory::acquire).toArray();
    }

    /** The words beside those of the configuration must still be zero. */
    private void checkRest(long[] addresses, Consumer<String> stray) {
        long checked = 0;
        for (long address : addresses) {
            long page = address & -PAGE;
            for (long at = Math.max(page, checked); at < page + PAGE; at += 8) {
                if (memory.acquire(at) != 0 && Arrays.binarySearch(addresses, at) < 0) {
                    stray.accept("at %x expected 0, was %x".formatted(at, memory.acquire(at)));
                }
            }
            checked = page + PAGE;
        }
    }
}
