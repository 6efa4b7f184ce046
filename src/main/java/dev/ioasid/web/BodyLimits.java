package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.EOFException;
import java.io.IOException;
import java.util.Map;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Bounds request bodies: E2BIG for one that says so or turns out to be longer. A body that ends before the length it
 * announced is an error of reading too, so that nothing is done with half of it.
 */
@Component
class BodyLimits extends OncePerRequestFilter {
    static final long LARGEST_BYTES = 64L << 20;
    static final long LARGEST_TEXT = 8L << 20;

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        boolean bytes = String.valueOf(request.getContentType()).startsWith(MediaType.APPLICATION_OCTET_STREAM_VALUE);
        chain.doFilter(new Bounded(request, bytes ? LARGEST_BYTES : LARGEST_TEXT), response);
    }

    private static RefusedException tooLarge(long limit) {
        return new RefusedException(
                Errno.E2BIG,
                "the body is larger than 0x%x bytes".formatted(limit),
                Map.of("limit", Map.of("name", "body", "value", limit)));
    }

    private static final class Bounded extends HttpServletRequestWrapper {
        private final long limit;

        Bounded(HttpServletRequest request, long limit) {
            super(request);
            this.limit = limit;
        }

        @Override
        public ServletInputStream getInputStream() throws IOException {
            if (getContentLengthLong() > limit) {
                throw tooLarge(limit);
            }
            return new BoundedStream(super.getInputStream(), limit, getContentLengthLong());
        }
    }

    private static final class BoundedStream extends ServletInputStream {
        private final ServletInputStream body;
        private final long limit;
        private final long announced;
        private long read;

        /** @param announced -1: not at all */
        BoundedStream(ServletInputStream body, long limit, long announced) {
            this.body = body;
            this.limit = limit;
            this.announced = announced;
        }

        @Override
        public int read() throws IOException {
            int next = body.read();
            count(next < 0 ? -1 : 1);
            return next;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int count = body.read(bytes, offset, length);
            count(count);
            return count;
        }

        private void count(int more) throws IOException {
            if (more < 0 && read < announced) {
                throw new EOFException("it ends after %d of %d bytes".formatted(read, announced));
            }
            read += Math.max(more, 0);
            if (read > limit) {
                throw tooLarge(limit);
            }
        }

        @Override
        public boolean isFinished() {
            return body.isFinished();
        }

        @Override
        public boolean isReady() {
            return body.isReady();
        }

        @Override
        public void setReadListener(ReadListener listener) {
            body.setReadListener(listener);
        }
    }
}
