package dev.ioasid.web;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Knows whether a client is still there while its answer is under way. A write finds out too, but only once there is something to be said, and
 * then only the second one.
 */
@Configuration(proxyBeanMethods = false)
class ClientConnections {
    private static final String GONE = "dev.ioasid.web.gone";

    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> connectionsAreKnown() {
        return factory ->
                factory.addContextCustomizers(context -> context.getPipeline().addValve(new ConnectionValve()));
    }

    /** Whether the client has closed its end. For the thread that answers the request, when its body has been read. */
    static boolean isGone(HttpServletRequest request) {
        return request.getAttribute(GONE) instanceof BooleanSupplier gone && gone.getAsBoolean();
    }

    private static final class ConnectionValve extends ValveBase {
        ConnectionValve() {
            super(true);
        }

        @Override
        public void invoke(Request request, Response response) throws IOException, ServletException {
            request.setAttribute(GONE, (BooleanSupplier) () -> isAtEnd(request));
            getNext().invoke(request, response);
        }

        /**
         * Reads without waiting. Tomcat answers 1 for the end of the connection, each time; also for one byte of a request to come, but that once,
         * since then it has it.
         */
        private static boolean isAtEnd(Request request) {
            boolean mayBe = available(request) == 1;
            return mayBe && available(request) == 1;
        }

        private static int available(Request request) {
            var coyote = request.getCoyoteRequest();
            coyote.action(ActionCode.AVAILABLE, Boolean.TRUE);
            return coyote.getAvailable();
        }
    }
}
