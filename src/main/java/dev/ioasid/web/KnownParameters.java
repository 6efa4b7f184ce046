package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.springframework.core.MethodParameter;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.HandlerInterceptor;

/**
 * Refuses a query parameter that the operation does not know, that says nothing, or that is given twice and takes one value. {@code DELETE
 * .../mappings?iova=0&lenght=0x1000} must not unmap everything.
 *
 * <p>Flags, names and plain integers have to be spelled as documented. Spring would guess: {@code no}, {@code off} and 0 are false to it, an
 * empty name is none, and {@code #1} is 1.
 */
final class KnownParameters implements HandlerInterceptor {
    private final Map<Method, SortedMap<String, Class<?>>> byMethod = new ConcurrentHashMap<>();

    @Override
    public boolean preHandle(HttpServletRequest request, HttpServletResponse response, Object handler) {
        if (handler instanceof HandlerMethod method) {
            var known = byMethod.computeIfAbsent(method.getMethod(), _ -> known(method));
            request.getParameterMap().forEach((name, values) -> check(name, values, known));
        }
        return true;
    }

    private static void check(String name, String[] values, SortedMap<String, Class<?>> known) {
        var type = known.get(name);
        if (type == null) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "'" + name + "' is not a known query parameter; "
                            + (known.isEmpty()
                                    ? "there are none here"
                                    : "known are " + String.join(", ", known.keySet())),
                    Map.of("parameter", name));
        }
        if (values.length > 1 && type != List.class) {
            throw new RefusedException(
                    Errno.EINVAL, "query parameter '" + name + "' is given twice", Map.of("parameter", name));
        }
        for (var value : values) {
            checkValue(name, value, type);
        }
    }

    private static void checkValue(String name, String value, Class<?> type) {
        if (value.isEmpty()) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "query parameter '" + name + "' is empty: give it a value, or leave it out",
                    Map.of("parameter", name));
        }
        if (!isSpelled(value, type)) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "%s: '%s' is not %s".formatted(name, value, Unreadable.expected(type)),
                    Map.of("parameter", name));
        }
    }

    private static boolean isSpelled(String value, Class<?> type) {
        if (type == boolean.class || type == Boolean.class) {
            return value.equals("true") || value.equals("false");
        } else if (type == Integer.class || type == Long.class) {
            return value.matches("-?[0-9]+");
        }
        return !type.isEnum()
                || Arrays.stream(type.getEnumConstants())
                        .anyMatch(constant -> WireName.of((Enum<?>) constant).equals(value));
    }

    /** By name, and of what type they are. */
    private static SortedMap<String, Class<?>> known(HandlerMethod method) {
        return Arrays.stream(method.getMethodParameters())
                .filter(parameter -> parameter.hasParameterAnnotation(RequestParam.class))
                .collect(Collectors.toMap(
                        parameter -> parameter.getParameter().getName(),
                        MethodParameter::getParameterType,
                        (one, _) -> one,
                        TreeMap::new));
    }
}
