package dev.ioasid.machine;

import java.util.SortedSet;

/** Ids are given out lowest first, from 1. */
final class LowestFree {
    private LowestFree() {}

    static int of(SortedSet<Integer> taken) {
        int free = 1;
        for (int id : taken) {
            if (id != free) {
                break;
            }
            free++;
        }
        return free;
    }
}
