package dev.ioasid.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The allocator beside one that looks at every frame for every request. */
class FrameAllocatorPropertyTest {
    private static final long PAGE = 4096;

    sealed interface Step {}

    record Allocate(int pages, int alignment) implements Step {}

    record AllocateMany(int pages) implements Step {}

    record AllocateLast() implements Step {}

    record Free(int which, boolean zeroed) implements Step {}

    record Claim(long first, long length) implements Step {}

    record Release(int which) implements Step {}

    record Write(int page) implements Step {}

    @Provide
    Arbitrary<List<Step>> steps() {
        var index = Arbitraries.integers().between(0, 1000);
        var page = Arbitraries.integers().between(0, 2000);
        Arbitrary<Step> one = Arbitraries.of(new Allocate(1, 1), new Allocate(3, 1));
        Arbitrary<Step> aligned = Combinators.combine(
                        Arbitraries.of(1, 1, 2, 5, 16, 100, 512, 600), Arbitraries.of(1, 1, 2, 8, 64, 512))
                .as(Allocate::new);
        Arbitrary<Step> many = Arbitraries.of(1, 3, 40, 700).map(AllocateMany::new);
        Arbitrary<Step> last = Arbitraries.of(new AllocateLast());
        Arbitrary<Step> free =
                Combinators.combine(index, Arbitraries.of(true, false)).as(Free::new);
        Arbitrary<Step> claim = Combinators.combine(
                        page, Arbitraries.of(0L, 0L, 0x800L), Arbitraries.of(1L, 4096L, 0x5000L, 1L << 21))
                .as((at, offset, length) -> new Claim(at * PAGE + offset, length));
        Arbitrary<Step> release = index.map(Release::new);
        Arbitrary<Step> write = page.map(Write::new);
        return Arbitraries.oneOf(one, one, aligned, many, last, free, free, claim, release, write)
                .list()
                .ofMaxSize(60);
    }

    @Property(tries = 400)
    void theLowestThatFitsIsGivenOutAndIsZero(@ForAll("steps") List<Step> steps, @ForAll("machines") Machine machine) {
        try (var memory = new PhysicalMemory(machine.size, machine.holes);
                var frames = new FrameAllocator(memory)) {
            var model = new Model(memory, frames.firstChoice());
            for (var step : steps) {
                model.step(frames, step);
                assertThat(frames.freeBytes()).isEqualTo(model.freePages() * PAGE);
            }
            model.returnAll(frames);
            assertThat(frames.freeBytes()).isEqualTo(model.freePages() * PAGE);
        }
    }

    record Machine(long size, List<AddressRange> holes) {}

    @Provide
    Arbitrary<Machine> machines() {
        return Arbitraries.of(
                new Machine(PAGE, List.of()),
                new Machine(5 * PAGE, List.of()),
                new Machine(1000 * PAGE, List.of(AddressRange.of(0, PAGE), AddressRange.of(0x200000, 0x3000))),
                new Machine(64L << 20, List.of()),
                new Machine(
                        64L << 20, List.of(AddressRange.of(0x1000000, 0x201000), AddressRange.of(0x3fff000, 0x5000))));
    }

    /** Frames one by one. */
    private static final class Model {
        private record Piece(long address, long pages) {}

        private final PhysicalMemory memory;
        private final long firstChoice;
        private final boolean[] taken;
        private final List<Piece> pieces = new ArrayList<>();
        private final List<AddressRange> claims = new ArrayList<>();

        Model(PhysicalMemory memory, long firstChoice) {
            this.memory = memory;
            this.firstChoice = firstChoice;
            this.taken = new boolean[(int) (memory.size() / PAGE)];
            for (int page = 0; page < taken.length; page++) {
                taken[page] = page == 0 || !memory.backs(page * PAGE);
            }
        }

        long freePages() {
            long free = 0;
            for (boolean each : taken) {
                free += each ? 0 : 1;
            }
            return free;
        }

        void step(FrameAllocator frames, Step step) {
            switch (step) {
                case Allocate(int pages, int alignment) -> {
                    long found = frames.tryAllocate(pages * PAGE, alignment * PAGE);
                    assertThat(found).isEqualTo(lowest(pages, alignment));
                    if (found >= 0) {
                        take(found, pages);
                    }
                }
                case AllocateMany(int pages) -> allocateMany(frames, pages);
                case AllocateLast() -> allocateLast(frames);
                case Free(int which, boolean zeroed) -> {
                    if (!pieces.isEmpty()) {
                        free(frames, pieces.remove(which % pieces.size()), zeroed);
                    }
                }
                case Claim(long first, long length) -> {
                    var range = AddressRange.of(first, length);
                    frames.claim(range);
                    claims.add(range);
                }
                case Release(int which) -> {
                    if (!claims.isEmpty()) {
                        frames.release(claims.remove(which % claims.size()));
                    }
                }
                case Write(int page) -> {
                    if (memory.backs(page * PAGE)) {
                        memory.write(page * PAGE + 8, new byte[] {1, 2, 3});
                        frames.written(AddressRange.of(page * PAGE + 8, 3));
                    }
                }
            }
        }

        private void allocateMany(FrameAllocator frames, int pages) {
            long free = frames.freeBytes();
            long committed = memory.committedBytes();
            var expected = new ArrayList<Long>();
            var before = taken.clone();
            for (int i = 0; i < pages; i++) {
                long next = lowest(1, 1);
                if (next >= 0) {
                    expected.add(next);
                    taken[(int) (next / PAGE)] = true;
                }
            }
            if (expected.size() == pages) {
                assertThat(frames.allocate(pages, PhysicalMemory.PAGE_SIZE))
                        .containsExactly(expected.toArray(Long[]::new));
                for (long address : expected) {
                    take(address, 1);
                }
            } else {
                System.arraycopy(before, 0, taken, 0, taken.length);
                assertThatThrownBy(() -> frames.allocate(pages, PhysicalMemory.PAGE_SIZE))
                        .isInstanceOfSatisfying(
                                RefusedException.class,
                                e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
                assertThat(frames.freeBytes()).isEqualTo(free);
                assertThat(memory.committedBytes()).isLessThanOrEqualTo(committed);
            }
        }

        private void allocateLast(FrameAllocator frames) {
            long expected = highest();
            if (expected >= 0) {
                assertThat(frames.allocateLast()).isEqualTo(expected);
                take(expected, 1);
            } else {
                assertThatThrownBy(frames::allocateLast)
                        .isInstanceOfSatisfying(
                                RefusedException.class,
                                e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
            }
        }

        /** The highest of the last 2 MiB; if there is none, as any. */
        private long highest() {
            for (int at = taken.length - 1; at >= Math.max(0, taken.length - 512); at--) {
                if (fits(at, 1)) {
                    return at * PAGE;
                }
            }
            return lowest(1, 1);
        }

        /** The lowest from the first choice on; if there is none, the lowest of all. */
        private long lowest(int pages, int alignment) {
            for (long at = 0; at + pages <= taken.length; at += alignment) {
                if (at * PAGE >= firstChoice && fits(at, pages)) {
                    return at * PAGE;
                }
            }
            for (long at = 0; at + pages <= taken.length; at += alignment) {
                if (fits(at, pages)) {
                    return at * PAGE;
                }
            }
            return -1;
        }

        private boolean fits(long first, int pages) {
            for (int i = 0; i < pages; i++) {
                if (taken[(int) first + i]) {
                    return false;
                }
            }
            var range = AddressRange.of(first * PAGE, pages * PAGE);
            return claims.stream().noneMatch(range::intersects);
        }

        private void take(long address, int pages) {
            for (int i = 0; i < pages; i++) {
                taken[(int) (address / PAGE) + i] = true;
                assertThat(memory.acquire(address + i * PAGE + 8))
                        .as("frame is zero")
                        .isZero();
            }
            pieces.add(new Piece(address, pages));
            memory.write(address + 16, new byte[] {9});
        }

        private void free(FrameAllocator frames, Piece piece, boolean zeroed) {
            if (zeroed && piece.pages == 1) {
                memory.write(piece.address + 16, new byte[1]);
                frames.freeZeroed(piece.address, PhysicalMemory.PAGE_SIZE);
            } else {
                frames.free(piece.address, piece.pages * PAGE);
            }
            for (int i = 0; i < piece.pages; i++) {
                taken[(int) (piece.address / PAGE) + i] = false;
            }
        }

        void returnAll(FrameAllocator frames) {
            pieces.forEach(piece -> free(frames, piece, false));
            pieces.clear();
        }
    }
}
