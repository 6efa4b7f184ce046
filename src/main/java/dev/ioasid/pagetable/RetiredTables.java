package dev.ioasid.pagetable;

import java.util.Arrays;
import java.util.function.LongConsumer;

/** Tables that have been unlinked, and that a walk may still be in. For one thread. */
final class RetiredTables {
    private long[] tables = new long[4];
    private int size;

    void add(long table) {
        if (size == tables.length) {
            tables = Arrays.copyOf(tables, 2 * size);
        }
        tables[size++] = table;
    }

    boolean isEmpty() {
        return size == 0;
    }

    void forEach(LongConsumer action) {
        for (int i = 0; i < size; i++) {
            action.accept(tables[i]);
        }
    }
}
