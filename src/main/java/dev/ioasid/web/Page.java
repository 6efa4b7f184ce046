package dev.ioasid.web;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A part of a list.
 *
 * @param next what {@code after} has to be for the next part; null at the end
 */
record Page<T>(List<T> items, @Nullable String next) {

    /**
     * The first part of {@code rest}.
     *
     * @param rest what comes after the previous part; more than {@code limit} of it is not looked at
     * @param key what {@code after} says of an element
     */
    static <E, T> Page<T> of(List<E> rest, Limit limit, Function<E, T> item, Function<E, Object> key) {
        boolean more = rest.size() > limit.value();
        var part = more ? rest.subList(0, limit.value()) : rest;
        return new Page<>(
                part.stream().map(item).toList(),
                more ? key.apply(part.getLast()).toString() : null);
    }
}
