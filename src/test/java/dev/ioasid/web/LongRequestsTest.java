package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;

class LongRequestsTest {
    private final LongRequests requests = new LongRequests();

    private static MockHttpServletRequest post(int bytes) {
        var request = new MockHttpServletRequest("POST", "/v1/machines/m/dma/batch");
        request.setContent(new byte[bytes]);
        return request;
    }

    private static MockHttpServletRequest chunked() {
        var request = new MockHttpServletRequest("PUT", "/v1/machines/m/memory/0x0");
        request.addHeader("Transfer-Encoding", "chunked");
        return request;
    }

    private static MockHttpServletRequest get(String path) {
        return new MockHttpServletRequest("GET", path);
    }

    /** The thread that carries a request out. */
    private Thread carrier(MockHttpServletRequest request) throws ServletException, IOException {
        var carrier = new AtomicReference<Thread>();
        requests.doFilter(request, new MockHttpServletResponse(), (_, _) -> carrier.set(Thread.currentThread()));
        return Objects.requireNonNull(carrier.get());
    }

    static List<MockHttpServletRequest> longOnes() {
        return List.of(post(16 << 10), post(1 << 20), chunked(), get("/v1/machines/m/events"));
    }

    static List<MockHttpServletRequest> shortOnes() {
        return List.of(post((16 << 10) - 1), post(0), get("/v1/machines/m"), get("/v1/machines/m/memory/0x0"));
    }

    @ParameterizedTest
    @MethodSource("longOnes")
    void whatMayTakeLongHasAThreadOfItsOwn(MockHttpServletRequest request) throws Exception {
        var carrier = carrier(request);
        assertThat(carrier).isNotSameAs(Thread.currentThread());
        assertThat(carrier.isVirtual()).isFalse();
        assertThat(carrier.isAlive()).isFalse();
    }

    @ParameterizedTest
    @MethodSource("shortOnes")
    void whatIsShortStaysWhereItIs(MockHttpServletRequest request) throws Exception {
        assertThat(carrier(request)).isSameAs(Thread.currentThread());
    }

    @Test
    void whatGoesWrongGoesWrongAsBefore() {
        for (var wrong : List.of(
                new IOException("cut off"),
                new ServletException("no"),
                new IllegalStateException("no"),
                new StackOverflowError())) {
            FilterChain failing = (_, _) -> {
                switch (wrong) {
                    case IOException error -> throw error;
                    case ServletException error -> throw error;
                    case RuntimeException error -> throw error;
                    default -> throw (Error) wrong;
                }
            };
            assertThatThrownBy(() -> requests.doFilter(chunked(), new MockHttpServletResponse(), failing))
                    .isSameAs(wrong);
        }
    }

    @Test
    void whoIsInterruptedWaitsForTheEnd() throws Exception {
        var begun = new CountDownLatch(1);
        var told = new AtomicReference<Boolean>();
        var ended = new AtomicReference<Boolean>();
        var late = new AtomicReference<Boolean>();
        var interrupted = new AtomicReference<Boolean>();
        var server = Thread.startVirtualThread(() -> {
            try {
                requests.doFilter(chunked(), new MockHttpServletResponse(), (_, _) -> {
                    begun.countDown();
                    try {
                        Thread.sleep(60_000);
                    } catch (InterruptedException ending) {
                        told.set(true);
                    }
                    for (int i = 0; i < 20; i++) {
                        Thread.yield(); // it may still have something to clear up
                    }
                    ended.set(true);
                });
            } catch (IOException | ServletException unexpected) {
                throw new AssertionError(unexpected);
            }
            late.set(ended.get() == null);
            interrupted.set(Thread.currentThread().isInterrupted());
        });
        begun.await();
        server.interrupt();
        server.join();
        assertThat(told.get()).isTrue();
        assertThat(late.get()).as("the server goes on before that").isFalse();
        assertThat(interrupted.get()).isTrue();
    }

    @Test
    void whatIsTooMuchSharesThreads() throws Exception {
        var begun = new CountDownLatch(LongRequests.MOST);
        var end = new CountDownLatch(1);
        try (var clients = Executors.newVirtualThreadPerTaskExecutor()) {
            var waiting = new ArrayList<Object>();
            for (int i = 0; i < LongRequests.MOST; i++) {
                waiting.add(clients.submit(() -> {
                    requests.doFilter(chunked(), new MockHttpServletResponse(), (_, _) -> {
                        begun.countDown();
                        await(end);
                    });
                    return null;
                }));
            }
            begun.await();
            assertThat(carrier(chunked())).isSameAs(Thread.currentThread());
            end.countDown();
        }
        assertThat(carrier(chunked())).as("all are free again").isNotSameAs(Thread.currentThread());
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException unexpected) {
            throw new AssertionError(unexpected);
        }
    }
}
