package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Route;
import dev.ioasid.memory.AddressRange;
import jakarta.servlet.http.HttpServletRequest;
import java.math.BigInteger;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.TypeMismatchException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.web.HttpMediaTypeNotAcceptableException;
import org.springframework.web.HttpMediaTypeNotSupportedException;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.MissingServletRequestParameterException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.ServletWebRequest;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.servlet.resource.NoResourceFoundException;
import org.springframework.web.util.DisconnectedClientHelper;
import tools.jackson.core.JacksonException;

/**
 * Turns what went wrong into a problem document (RFC 9457). {@code type} is {@code urn:ioasid:errno:} and the errno, {@code
 * title} is what that errno means, {@code detail} what happened, {@code instance} the path of the request; the ids and
 * addresses concerned stand beside them.
 */
@RestControllerAdvice
class Problems extends ResponseEntityExceptionHandler {
    /** With a status of 500 and above, the errno of what is our own fault. */
    static final String EIO = "EIO";

    /** What a problem document has anyway; no subject may take its place. */
    private static final Set<String> MEMBERS = Set.of("type", "title", "status", "detail", "instance", "errno");

    private static final Logger LOG = LoggerFactory.getLogger(Problems.class);
    private static final DisconnectedClientHelper DISCONNECTED =
            new DisconnectedClientHelper("dev.ioasid.web.disconnected");

    @ExceptionHandler
    @Nullable
    ResponseEntity<Object> refused(RefusedException refused, WebRequest request) {
        return answer(problem(refused), new HttpHeaders(), request, refused);
    }

    @ExceptionHandler
    @Nullable
    ResponseEntity<Object> unexpected(Exception error, WebRequest request) throws Exception {
        if (DISCONNECTED.checkAndLogClientDisconnectedException(error)) {
            return null;
        }
        LOG.error("{} failed", request.getDescription(false), error);
        var problem = problem(HttpStatus.INTERNAL_SERVER_ERROR, EIO, "an internal error; the service's log has it");
        return answer(problem, new HttpHeaders(), request, error);
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleHttpMessageNotReadable(
            HttpMessageNotReadableException error, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        var refused = cause(error, RefusedException.class);
        var json = cause(error, JacksonException.class);
        var problem = refused != null
                ? problem(refused)
                : json != null ? problem(Unreadable.of(json)) : problem(Errno.EINVAL, unreadable(error));
        if (refused != null && json != null && Unreadable.of(json).property() != null) {
            problem.setProperty("property", Unreadable.of(json).property());
        }
        return answer(problem, headers, request, error);
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleTypeMismatch(
            TypeMismatchException error, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        var name = error instanceof MethodArgumentTypeMismatchException argument
                ? argument.getName()
                : String.valueOf(error.getPropertyName());
        var refused = cause(error, RefusedException.class);
        var reason = refused != null
                ? String.valueOf(refused.getMessage())
                : "'" + error.getValue() + "' is not " + Unreadable.expected(error.getRequiredType());
        var problem = problem(Errno.EINVAL, name + ": " + reason);
        problem.setProperty("parameter", name);
        return answer(problem, headers, request, error);
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleMissingServletRequestParameter(
            MissingServletRequestParameterException error,
            HttpHeaders headers,
            HttpStatusCode status,
            WebRequest request) {
        var problem = problem(Errno.EINVAL, "query parameter '" + error.getParameterName() + "' is missing");
        problem.setProperty("parameter", error.getParameterName());
        return answer(problem, headers, request, error);
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleNoResourceFoundException(
            NoResourceFoundException error, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        return answer(
                problem(
                        Errno.ENOENT,
                        "there is nothing at "
                                + ((ServletWebRequest) request).getRequest().getRequestURI()),
                headers,
                request,
                error);
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleHttpMediaTypeNotAcceptable(
            HttpMediaTypeNotAcceptableException error, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        var detail = "none of the forms asked for is to be had, only " + list(error.getSupportedMediaTypes());
        return answer(problem(status, errno(status), detail), headers, request, error);
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleHttpMediaTypeNotSupported(
            HttpMediaTypeNotSupportedException error, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        var given = request.getHeader(HttpHeaders.CONTENT_TYPE); // as it is: an unreadable one is none to Spring
        var found = given == null ? "none" : "'" + given + "'";
        var detail = "Content-Type is " + found + ", expected " + list(error.getSupportedMediaTypes());
        return answer(problem(status, errno(status), detail), headers, request, error);
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleHttpRequestMethodNotSupported(
            HttpRequestMethodNotSupportedException error,
            HttpHeaders headers,
            HttpStatusCode status,
            WebRequest request) {
        var known = error.getSupportedMethods() == null ? new String[0] : error.getSupportedMethods();
        var detail = "%s is nothing that can be done here, only %s"
                .formatted(error.getMethod(), Arrays.stream(known).sorted().collect(Collectors.joining(" or ")));
        return answer(problem(status, errno(status), detail), headers, request, error);
    }

    private static String list(Collection<MediaType> types) {
        return types.stream().map(MediaType::toString).sorted().collect(Collectors.joining(" or "));
    }

    @Override // what Spring itself refuses: an unknown path, a wrong method
    protected @Nullable ResponseEntity<Object> handleExceptionInternal(
            Exception error, @Nullable Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        var detail = body instanceof ProblemDetail told && told.getDetail() != null
                ? told.getDetail()
                : String.valueOf(error.getMessage());
        return answer(problem(status, errno(status), detail), headers, request, error);
    }

    private @Nullable ResponseEntity<Object> answer(
            ProblemDetail problem, HttpHeaders headers, WebRequest request, Exception error) {
        var exchange = (ServletWebRequest) request;
        if (exchange.getResponse() != null && exchange.getResponse().isCommitted()) {
            throw new AnswerCutOffException(error); // too late for an answer: the container drops the connection
        }
        problem.setInstance(path(exchange.getRequest()));
        var withType = new HttpHeaders(headers);
        withType.setContentType(MediaType.APPLICATION_PROBLEM_JSON); // whatever the client accepts
        return new ResponseEntity<>(problem, withType, HttpStatusCode.valueOf(problem.getStatus()));
    }

    static ProblemDetail problem(RefusedException refused) {
        var problem = problem(refused.errno(), String.valueOf(refused.getMessage()));
        var subjects = new TreeMap<>(refused.subjects());
        subjects.keySet().removeAll(MEMBERS);
        subjects.forEach((name, value) -> problem.setProperty(name, wire(value)));
        return problem;
    }

    static ProblemDetail problem(Unreadable json) {
        var problem = problem(Errno.EINVAL, json.detail());
        if (json.property() != null) {
            problem.setProperty("property", json.property());
        }
        if (json.index() != null) {
            problem.setProperty("index", json.index());
        }
        return problem;
    }

    static ProblemDetail problem(Errno errno, String detail) {
        return problem(status(errno), errno.name(), detail);
    }

    static ProblemDetail problem(HttpStatusCode status, String errno, String detail) {
        var problem = ProblemDetail.forStatusAndDetail(status, detail);
        problem.setType(URI.create("urn:ioasid:errno:" + errno));
        boolean ours = errno.equals(EIO) && status.is5xxServerError();
        problem.setTitle(ours ? "Internal error" : title(Errno.valueOf(errno)));
        problem.setProperty("errno", errno);
        return problem;
    }

    static HttpStatus status(Errno errno) { // exhaustive: a new errno does not compile until it has a status
        return switch (errno) {
            case EINVAL -> HttpStatus.BAD_REQUEST;
            case EPERM, EACCES -> HttpStatus.FORBIDDEN;
            case ENOENT, ENODEV -> HttpStatus.NOT_FOUND;
            case EBUSY, EEXIST, EADDRINUSE, ENOSPC, EIO -> HttpStatus.CONFLICT;
            case E2BIG -> HttpStatus.CONTENT_TOO_LARGE;
            case EOPNOTSUPP -> HttpStatus.UNPROCESSABLE_CONTENT;
            case ENOMEM -> HttpStatus.INSUFFICIENT_STORAGE;
        };
    }

    static String title(Errno errno) {
        return switch (errno) {
            case EINVAL -> "Invalid argument";
            case EPERM -> "Operation not permitted";
            case EACCES -> "Permission denied";
            case ENOENT -> "No such object";
            case ENODEV -> "No such device";
            case EBUSY -> "In use";
            case EEXIST -> "Exists already";
            case EADDRINUSE -> "Address in use";
            case ENOSPC -> "None left";
            case EIO -> "No answer";
            case E2BIG -> "Too large";
            case EOPNOTSUPP -> "Not supported";
            case ENOMEM -> "Out of simulated memory";
        };
    }

    /** The errno of what Spring or Tomcat refuse with a status. */
    static String errno(HttpStatusCode status) {
        return switch (status.value()) {
            case 404 -> Errno.ENOENT.name();
            case 413, 414, 431 -> Errno.E2BIG.name();
            default -> status.is4xxClientError() ? Errno.EINVAL.name() : EIO;
        };
    }

    /** A subject of a refusal as JSON shows it: addresses in hex, routes and ranges as objects. */
    private static Object wire(Object subject) {
        return switch (subject) {
            case Long number -> new Hex(number);
            case BigInteger number -> number;
            case Integer id -> id;
            case Boolean flag -> flag;
            case Rid rid -> rid;
            case Route route -> RouteBody.of(route);
            case AddressRange range -> RangeBody.of(range);
            case Enum<?> constant -> WireName.of(constant);
            case Collection<?> several -> several.stream().map(Problems::wire).toList();
            case Map<?, ?> parts -> {
                var wired = new LinkedHashMap<String, Object>();
                parts.forEach((name, value) -> wired.put(String.valueOf(name), wire(value)));
                yield wired;
            }
            default -> subject.toString();
        };
    }

    private static String unreadable(HttpMessageNotReadableException error) {
        return error.getCause() == null
                ? "the body is missing"
                : "the body could not be read: " + error.getCause().getMessage();
    }

    private static @Nullable URI path(HttpServletRequest request) {
        try {
            return new URI(request.getRequestURI());
        } catch (URISyntaxException notAnUri) {
            return null;
        }
    }

    private static <T> @Nullable T cause(Throwable error, Class<T> type) {
        for (Throwable at = error; at != null; at = at.getCause()) {
            if (type.isInstance(at)) {
                return type.cast(at);
            }
        }
        return null;
    }

    /** Something went wrong while the answer was under way. */
    private static final class AnswerCutOffException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        AnswerCutOffException(Exception cause) {
            super(null, cause, false, false);
        }
    }
}
