package dev.ioasid.web;

import dev.ioasid.iommu.Rid;
import dev.ioasid.pagetable.Permissions;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.InputCoercionException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.exc.InvalidNullException;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.exc.UnrecognizedPropertyException;

/**
 * What is wrong with a JSON body, for a person.
 *
 * @param property where, such as {@code requests[3].iova}; null if it is not JSON at all
 * @param detail what was found there, and what would be accepted
 * @param index the number of the list's element that it lies in; null if in none
 */
record Unreadable(
        @Nullable String property, String detail, @Nullable Integer index) {
    private static final int LONGEST_QUOTE = 64;

    static Unreadable of(JacksonException error) {
        var path = error.getPath();
        var property = path.isEmpty() ? null : path(path);
        var where = property == null ? "the body" : property;
        return new Unreadable(property, detail(where, error), index(path));
    }

    private static String detail(String where, JacksonException error) {
        var message = String.valueOf(error.getOriginalMessage());
        return switch (error) {
            case UnrecognizedPropertyException unknown ->
                where + " is not a known property; known are " + known(unknown.getKnownPropertyIds());
            case InvalidNullException missing -> where + " is null, expected " + expected(missing.getTargetType());
            case InvalidFormatException bad
            when bad.getTargetType() == byte[].class -> // a piece of it would say nothing
                where + ": expected " + expected(bad.getTargetType());
            case InvalidFormatException bad ->
                where + " is " + quote(bad.getValue()) + ", expected " + expected(bad.getTargetType());
            case MismatchedInputException missing
            when message.startsWith("Missing required") ->
                where + " is missing, expected " + expected(missing.getTargetType());
            case MismatchedInputException trailing
            when message.startsWith("Trailing token") ->
                "the body goes on behind the end of its JSON value" + position(trailing);
            case MismatchedInputException wrong
            when message.startsWith("No content") -> "the body is empty, expected " + expected(wrong.getTargetType());
            case MismatchedInputException wrong -> where + ": expected " + expected(wrong.getTargetType());
            case InputCoercionException tooLarge ->
                where + " is out of range, expected " + expected(tooLarge.getTargetType());
            case StreamReadException notJson ->
                "the body is not JSON" + position(notJson) + ": " + firstSentence(message);
            default -> where + ": " + firstSentence(message);
        };
    }

    /** What a value of this type looks like. */
    static String expected(@Nullable Class<?> type) {
        if (type == null) {
            return "another value";
        } else if (type == Hex.class) {
            return Hex.EXPECTED;
        } else if (type == Pasid.class) {
            return Pasid.EXPECTED;
        } else if (type == Name.class) {
            return Name.EXPECTED;
        } else if (type == Rid.class) {
            return "a rid: segment:bus:device.function as in \"0000:3a:00.0\"";
        } else if (type == Permissions.class) {
            return "r, w or rw, with x and p behind where the format has them";
        } else if (type == WaitTime.class) {
            return WaitTime.EXPECTED;
        } else if (type == byte[].class) {
            return "a string of base64: A to Z, a to z, 0 to 9, + and /, and = at the end so that there are groups of four";
        } else if (type == int.class || type == Integer.class) {
            return "an integer of 32 bits";
        } else if (type == long.class || type == Long.class) {
            return "an integer of 64 bits";
        } else if (type == boolean.class || type == Boolean.class) {
            return "true or false";
        } else if (type == String.class) {
            return "a string";
        } else if (type.isEnum()) {
            return "one of " + WireName.all(type);
        } else if (Collection.class.isAssignableFrom(type)) {
            return "an array";
        } else if (Map.class.isAssignableFrom(type) || type.isRecord() || type.isInterface()) {
            return "an object";
        }
        return "another value";
    }

    private static String path(List<JacksonException.Reference> path) {
        var text = new StringBuilder();
        for (var step : path) {
            if (step.getPropertyName() != null) {
                text.append(text.isEmpty() ? "" : ".").append(step.getPropertyName());
            } else {
                text.append('[').append(step.getIndex()).append(']');
            }
        }
        return text.toString();
    }

    private static @Nullable Integer index(List<JacksonException.Reference> path) {
        return path.stream()
                .filter(step -> step.getPropertyName() == null && step.getIndex() >= 0)
                .map(JacksonException.Reference::getIndex)
                .findFirst()
                .orElse(null);
    }

    private static String known(@Nullable Collection<Object> names) {
        return names == null ? "none" : names.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    private static String quote(@Nullable Object value) {
        var text = String.valueOf(value);
        var shown = text.length() <= LONGEST_QUOTE ? text : text.substring(0, LONGEST_QUOTE) + "...";
        return value instanceof String ? "'" + shown + "'" : shown;
    }

    private static String position(JacksonException error) {
        var at = error.getLocation();
        return at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
    }

    private static String firstSentence(String message) {
        int end = message.indexOf('\n');
        int source = message.indexOf(" (start marker at");
        return message.substring(0, source >= 0 ? source : end >= 0 ? end : message.length());
    }
}
