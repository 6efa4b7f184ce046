package dev.ioasid.machine;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.PageRequestSummary.Answer;
import dev.ioasid.machine.PageRequestSummary.State;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Routes are torn down while DMA waits there for pages, while more is begun and while page requests are answered. When a call has returned, what waited is
 * over, and no DMA moves a byte there any more.
 */
class TeardownRacesTest {
    private static final int ROUNDS = 5_000;
    private static final int MACHINES = 250;
    /** DMA of one thread that may wait at a time: all together have room. */
    private static final int MOST_BEGUN = 64;

    private static final List<Route> ROUTES = List.of(Tenancy.QUEUE, Tenancy.SHARED, Tenancy.GUEST, Tenancy.WHOLE);

    private final AtomicBoolean done = new AtomicBoolean();
    private final AtomicLong waited = new AtomicLong();
    private final AtomicLong completed = new AtomicLong();
    private final AtomicLong stopped = new AtomicLong();

    /** What is refused to somebody who meets something that is being torn down. */
    private static boolean isExpected(RefusedException refused) {
        return switch (refused.errno()) {
            case ENOENT, ENODEV, EEXIST, EINVAL -> true;
            default -> false;
        };
    }

    private interface Turn {
        void take();
    }

    /** Goes on until all is done; what is refused is refused. */
    private void again(Turn turn) {
        while (!done.get()) {
            try {
                turn.take();
            } catch (RefusedException refused) {
                if (!isExpected(refused)) {
                    throw refused;
                }
            }
        }
    }

    /** Begins DMA, and looks at some of what has become of it. */
    private void device(Machine machine, long seed) {
        var random = new Random(seed);
        var begun = new ArrayDeque<Long>();
        again(() -> {
            if (begun.size() > MOST_BEGUN) {
                long id = begun.remove();
                var dma = machine.read(view -> view.dma(id));
                check(dma);
                if (dma.isPending()) {
                    begun.add(id);
                    return;
                }
            }
            var route = ROUTES.get(random.nextInt(ROUTES.size()));
            var orders = new ArrayList<>(List.of(order(route, random)));
            if (route.rid().equals(Tenancy.RID1) && random.nextInt(3) == 0) {
                orders.add(order(random.nextBoolean() ? Tenancy.QUEUE : Tenancy.SHARED, random));
            }
            var dma = machine.apply(new Command.StartDma(route.rid(), orders, orders.size() > 1));
            check(dma);
            var id = dma.id();
            if (id != null && dma.isPending()) {
                waited.incrementAndGet();
                begun.add(id);
            }
        });
    }

    private static DmaOrder order(Route route, Random random) {
        int length = 1 + random.nextInt(2 * Tenancy.PAGE);
        long iova = Tenancy.FIRST + random.nextInt(Tenancy.PAGES * Tenancy.PAGE - length);
        if (random.nextBoolean()) {
            return DmaOrder.read(route.pasid(), iova, length);
        }
        var data = new byte[length];
        Arrays.fill(data, Tenancy.SENT);
        return DmaOrder.write(route.pasid(), iova, data);
    }

    /** What is read is what DMA has written, or nothing, but not what lies where no route leads. */
    private void check(DmaSummary dma) {
        for (var result : dma.results()) {
            if (result.status() == DmaResult.Status.COMPLETED) {
                completed.incrementAndGet();
            } else if (result.status() == DmaResult.Status.FAULTED) {
                stopped.incrementAndGet();
            }
            var data = result.data();
            for (int i = 0; data != null && i < data.length; i++) {
                if (data[i] != 0 && data[i] != Tenancy.SENT) {
                    throw new AssertionError("0x%x was read, DMA %d".formatted(data[i], dma.id()));
                }
            }
        }
    }

    /** Answers what devices ask for, in all ways. */
    private void client(Tenancy tenancy, long seed) {
        var random = new Random(seed);
        var machine = tenancy.machine();
        again(() -> {
            for (var request : machine.read(MachineView::pageRequests)) {
                if (request.state() == State.PENDING) {
                    answer(tenancy, request, random);
                }
            }
            tenancy.takeAway(ROUTES.get(random.nextInt(ROUTES.size())), page(random));
        });
    }

    private static long page(Random random) {
        return Tenancy.FIRST + (long) random.nextInt(Tenancy.PAGES) * Tenancy.PAGE;
    }

    private static void answer(Tenancy tenancy, PageRequestSummary request, Random random) {
        var machine = tenancy.machine();
        try {
            switch (random.nextInt(8)) {
                case 0 -> machine.apply(new Command.AnswerPageRequest(request.id(), Answer.INVALID));
                case 1 -> machine.apply(new Command.AnswerPageRequest(request.id(), Answer.FAILURE));
                case 2 -> machine.apply(new Command.ExpirePageRequest(request.id()));
                case 3 -> {} // later
                default -> {
                    bring(tenancy, request);
                    machine.apply(new Command.AnswerPageRequest(request.id(), Answer.SUCCESS));
                }
            }
        } catch (RefusedException refused) {
            if (!isExpected(refused)) {
                throw refused;
            }
        }
    }

    private static void bring(Tenancy tenancy, PageRequestSummary request) {
        try {
            tenancy.bring(Tenancy.route(request), request.address());
        } catch (RefusedException there) {
            if (there.errno() != Errno.EEXIST) {
                throw there;
            }
        }
    }

    private static List<PageRequestSummary> pending(Machine machine, Route route) {
        var pending = new ArrayList<>(machine.read(MachineView::pageRequests));
        pending.removeIf(request ->
                request.state() != State.PENDING || !Tenancy.route(request).equals(route));
        return pending;
    }

    private void round(Tenancy tenancy, Teardown how, Random random) {
        var machine = tenancy.machine();
        var before = pending(machine, how.route());
        var torn = tenancy.tear(how);
        torn.fill(Tenancy.TORN_DOWN);
        if (!how.replaces()) {
            assertThat(pending(machine, how.route()))
                    .as("%s leaves nobody waiting", how)
                    .isEmpty();
        }
        var still = pending(machine, how.route());
        still.retainAll(before);
        assertThat(still).as("%s leaves none of them waiting", how).isEmpty();
        if (how.closes()) {
            assertThat(machine.read(MachineView::contexts)).as("%s", how).hasSize(2);
            assertThat(machine.read(MachineView::ioasids)).as("%s", how).noneMatch(left -> left.context() == null);
        }
        if (!how.replaces()) {
            attempts(machine, how, random);
        }
        torn.check(how);
        torn.fill((byte) 0);
        tenancy.mend(how, torn);
    }

    /** Nobody gets anything by the route. */
    private static void attempts(Machine machine, Teardown how, Random random) {
        var order = order(how.route(), random);
        try {
            var dma = machine.apply(new Command.StartDma(how.route().rid(), order));
            assertThat(dma.results().getFirst().status()).as("%s", how).isEqualTo(DmaResult.Status.FAULTED);
            assertThat(dma.results().getFirst().transferred()).as("%s", how).isZero();
        } catch (RefusedException refused) {
            assertThat(refused.errno()).as("%s", how).isEqualTo(Errno.ENODEV);
        }
    }

    @ParameterizedTest
    @EnumSource
    @Timeout(value = 3, unit = MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void nothingMovesWhereNothingLeads(Architecture architecture) throws Exception {
        try (var tenancy = new Tenancy(architecture);
                var threads = Executors.newCachedThreadPool()) {
            var others = List.of(
                    threads.submit(() -> device(tenancy.machine(), 1)),
                    threads.submit(() -> device(tenancy.machine(), 2)),
                    threads.submit(() -> client(tenancy, 3)));
            try {
                var random = new Random(4);
                for (int i = 0; i < ROUNDS && others.stream().noneMatch(Future::isDone); i++) {
                    round(tenancy, Teardown.values()[random.nextInt(Teardown.values().length)], random);
                }
            } finally {
                done.set(true);
            }
            for (var other : others) {
                other.get();
            }
            tenancy.checkAllIsBack();
        }
        assertThat(waited.get()).as("DMA that waited").isGreaterThan(ROUNDS / 10);
        assertThat(completed.get()).as("DMA that completed").isGreaterThan(ROUNDS / 10);
        assertThat(stopped.get()).as("DMA that was stopped").isGreaterThan(ROUNDS / 10);
    }

    /** Everybody is told that the machine is gone, and none of its memory is touched any more. */
    @ParameterizedTest
    @EnumSource
    @Timeout(value = 3, unit = MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aMachineGoesInTheMiddleOfIt(Architecture architecture) throws Exception {
        try (var threads = Executors.newCachedThreadPool()) {
            for (int i = 0; i < MACHINES; i++) {
                retire(architecture, threads, i);
            }
        }
        assertThat(waited.get()).isGreaterThan(MACHINES);
    }

    private void retire(Architecture architecture, ExecutorService threads, int seed) throws Exception {
        var tenancy = new Tenancy(architecture);
        var machine = tenancy.machine();
        done.set(false);
        var others = List.of(
                threads.submit(() -> device(machine, seed)),
                threads.submit(() -> device(machine, seed + 1000)),
                threads.submit(() -> client(tenancy, seed)),
                threads.submit(() -> awaitEnd(machine)));
        try {
            long before = waited.get();
            while (waited.get() < before + 2 && others.stream().noneMatch(Future::isDone)) {
                Thread.onSpinWait();
            }
            machine.retire();
        } finally {
            done.set(true);
        }
        for (var other : others) {
            other.get();
        }
    }

    /** Waits for beats until there is no machine any more. */
    private static void awaitEnd(Machine machine) {
        try {
            while (true) {
                long seen = machine.pulse().beats();
                int unused = machine.read(MachineView::pageRequests).size();
                boolean beaten = machine.pulse().await(seen, System.nanoTime() + MINUTES.toNanos(2));
                assertThat(beaten).as("somebody wakes those who wait").isTrue();
            }
        } catch (RefusedException gone) {
            assertThat(gone.errno()).isEqualTo(Errno.ENOENT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
