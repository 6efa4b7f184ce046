package dev.ioasid.web;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A list that may have been left out of a body. */
final class Lists {
    static <S, T> List<T> map(@Nullable List<S> list, Function<S, T> each) {
        return list == null ? List.of() : list.stream().map(each).toList();
    }

    private Lists() {}
}
