package dev.ioasid.web;

import java.io.IOException;
import java.net.URI;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.core.StandardHost;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import tools.jackson.databind.json.JsonMapper;

/**
 * What is refused before any controller, by a filter or by Tomcat itself (a request line that is none, an encoded slash), is
 * told as a problem document as well. There is no error page.
 */
@Configuration(proxyBeanMethods = false)
class ErrorPages {
    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> problemsInsteadOfPages(JsonMapper json) {
        return factory -> factory.addContextCustomizers(context -> {
            var host = (StandardHost) context.getParent();
            host.setErrorReportValveClass("");
            host.getPipeline().addValve(new ProblemValve(json));
        });
    }

    private static final class ProblemValve extends ErrorReportValve {
        private final JsonMapper json;

        ProblemValve(JsonMapper json) {
            this.json = json;
        }

        @Override
        protected void report(Request request, Response response, @Nullable Throwable error) {
            if (response.getStatus() < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
                return;
            }
            try {
                response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
                response.getOutputStream().write(document(response.getStatus(), request.getRequestURI()));
                response.finishResponse();
            } catch (IOException | IllegalStateException clientIsGone) {
                // nobody is left to be told
            }
        }

        private byte[] document(int code, @Nullable String path) {
            var known = HttpStatus.resolve(code);
            HttpStatusCode status = known != null ? known : HttpStatusCode.valueOf(code);
            var reason = known != null ? known.getReasonPhrase() : "status " + code;
            var problem = Problems.problem(status, Problems.errno(status), "the request cannot be served: " + reason);
            try {
                problem.setInstance(path == null ? null : URI.create(path));
            } catch (IllegalArgumentException notAnUri) {
                // then it has no name
            }
            return json.writeValueAsBytes(problem);
        }
    }
}
