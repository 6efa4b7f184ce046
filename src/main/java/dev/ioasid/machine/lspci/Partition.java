package dev.ioasid.machine.lspci;

import java.util.HashMap;
import java.util.Map;

/** Sets that share no member. Whoever was never joined is alone. */
final class Partition<T> {
    private final Map<T, T> towards = new HashMap<>(); // another member of the same set; a representative has none
    private final Map<T, Integer> sizes = new HashMap<>(); // of the sets of two and more, by representative

    void join(T one, T other) {
        var larger = representative(one);
        var smaller = representative(other);
        if (larger.equals(smaller)) {
            return;
        }
        if (size(larger) < size(smaller)) {
            var swapped = larger;
            larger = smaller;
            smaller = swapped;
        }
        sizes.put(larger, size(larger) + size(smaller));
        towards.put(smaller, larger); // the smaller below the larger: no way is longer than the logarithm of the size
    }

    /** The same member for all of a set. */
    T representative(T member) {
        var at = member;
        for (var next = towards.get(at); next != null; next = towards.get(at)) {
            at = next;
        }
        return at;
    }

    private int size(T representative) {
        return sizes.getOrDefault(representative, 1);
    }
}
