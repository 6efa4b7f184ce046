package dev.ioasid.web;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** How enum constants of this package are spelled on the wire: {@code SW_MSI} is {@code sw-msi}. */
final class WireName {
    static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** All constants of an enum, for a person. */
    static String all(Class<?> type) {
        return Arrays.stream(type.getEnumConstants())
                .map(constant -> of((Enum<?>) constant))
                .collect(Collectors.joining(", "));
    }

    private WireName() {}
}
