package dev.ioasid.iommu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Counts the invalidations of a unit, so that what was read from memory before one is not put into a cache after it.
 *
 * <p>Whoever is going to fill a cache reads the number before it reads memory and gives it to {@link SetAssociativeCache#fill}, which
 * does nothing if it has changed. Whoever invalidates turns it first and then goes through the sets. A fill looks under the lock of
 * its set: so it sees the turn, or its entry is there for the invalidation to find.
 */
public final class CacheEpoch {
    private static final VarHandle NUMBER;

    static {
        try {
            NUMBER = MethodHandles.lookup().findVarHandle(CacheEpoch.class, "number", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    /** The bits that a number has. */
    public static final int BITS = 28;

    @SuppressWarnings("UnusedVariable") // by its handle
    private int number;

    /** The number of the present epoch, {@link #BITS} wide. */
    public int now() {
        return (int) NUMBER.getVolatile(this) & (1 << BITS) - 1;
    }

    /** Begins a new epoch: what was read before is filled in nowhere any more. */
    public void turn() {
        int unused = (int) NUMBER.getAndAdd(this, 1);
    }
}
