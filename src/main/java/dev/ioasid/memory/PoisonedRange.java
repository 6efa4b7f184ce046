package dev.ioasid.memory;

/**
 * A range of a memory that hardware fails to fetch although it is there. Whoever reads or writes it as a processor does notices nothing.
 *
 * <p>Any thread may call.
 */
public final class PoisonedRange {
    private final AddressRange range;
    private volatile boolean met;

    public PoisonedRange(AddressRange range) {
        this.range = range;
    }

    public AddressRange range() {
        return range;
    }

    /** Whether the range has a byte of another; if so, that is noted. */
    boolean meets(AddressRange other) {
        boolean meets = range.intersects(other);
        if (meets) {
            met = true;
        }
        return meets;
    }

    /** Whether anything has been fetched from it in vain since this was asked last. */
    public boolean takeMet() {
        boolean was = met;
        met = false;
        return was;
    }
}
