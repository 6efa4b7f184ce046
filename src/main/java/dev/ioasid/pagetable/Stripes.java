package dev.ioasid.pagetable;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * 64 locks for the regions of a table. Held for the writing of entries, never while waiting for anything; so who finds one
 * taken spins a little and then lets others run. Not reentrant. Several are taken in ascending order.
 */
final class Stripes {
    static final int COUNT = 64;
    static final long ALL = -1;

    /** Ints from one lock to the next: two cache lines, since processors fetch lines in pairs. */
    private static final int STRIDE = 32;

    private static final int SPINS = 64;
    private static final VarHandle LOCKS =
            MethodHandles.arrayElementVarHandle(int[].class).withInvokeExactBehavior();

    private final int[] locks = new int[(COUNT + 1) * STRIDE];

    void lock(int stripe) {
        int at = (stripe + 1) * STRIDE;
        while ((int) LOCKS.getAndSet(locks, at, 1) != 0) {
            for (int spins = 0; (int) LOCKS.getOpaque(locks, at) != 0; spins++) {
                if (spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
        }
    }

    void unlock(int stripe) {
        LOCKS.setRelease(locks, (stripe + 1) * STRIDE, 0);
    }

    /** Takes every stripe whose bit is set. */
    void lockAll(long stripes) {
        for (long rest = stripes; rest != 0; rest &= rest - 1) {
            lock(Long.numberOfTrailingZeros(rest));
        }
    }

    void unlockAll(long stripes) {
        for (long rest = stripes; rest != 0; rest &= rest - 1) {
            unlock(Long.numberOfTrailingZeros(rest));
        }
    }
}
