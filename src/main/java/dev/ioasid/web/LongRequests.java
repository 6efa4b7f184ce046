package dev.ioasid.web;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Has what may compute for long, requests with large bodies and event streams, carried out by a thread of the operating system of its own.
 *
 * <p>All other requests share a few threads. A thread that has just computed for long has to wait for its next turn, and would have whoever it
 * carries next wait, too, even if he asks for next to nothing. So those who share threads are only those who ask for little.
 *
 * <p>At most {@value #MOST} at a time; what goes beyond shares as well.
 */
@Component
class LongRequests extends OncePerRequestFilter {
    /** Bytes of a body that is large. */
    static final long LARGE = 16 << 10;

    static final int MOST = 256;
    static final String THREAD = "long-request";

    private final Semaphore free = new Semaphore(MOST);

    @Override
    protected boolean shouldNotFilter(HttpServletRequest request) {
        return !isLarge(request) && !request.getRequestURI().endsWith("/events");
    }

    private static boolean isLarge(HttpServletRequest request) {
        long announced = request.getContentLengthLong();
        return announced >= LARGE || announced < 0 && request.getHeader("Transfer-Encoding") != null;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        if (!free.tryAcquire()) {
            chain.doFilter(request, response);
            return;
        }
        try {
            apart(request, response, chain);
        } finally {
            free.release();
        }
    }

    private static void apart(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        var answer = new FutureTask<>(() -> {
            chain.doFilter(request, response);
            return Boolean.TRUE;
        });
        var own = Thread.ofPlatform().name(THREAD).daemon().start(answer);
        awaitEnd(own);
        if (answer.state() == Future.State.FAILED) {
            switch (answer.exceptionNow()) {
                case IOException error -> throw error;
                case ServletException error -> throw error;
                case RuntimeException error -> throw error;
                case Error error -> throw error;
                case Throwable error -> throw new ServletException(error);
            }
        }
    }

    /** Whatever happens: the server uses request and response again. */
    private static void awaitEnd(Thread own) {
        boolean interrupted = false;
        while (own.isAlive()) {
            try {
                own.join();
            } catch (InterruptedException ending) {
                interrupted = true;
                own.interrupt();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
