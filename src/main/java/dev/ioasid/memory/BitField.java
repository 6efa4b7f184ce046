package dev.ioasid.memory;

/**
 * Bits {@code high:low} of a structure of 64-bit words, numbered over the whole structure as in the specification.
 *
 * @param meaning one line for a person who reads an explanation
 */
public record BitField(int high, int low, String name, String meaning) {
    public BitField {
        if (low < 0 || high < low || high >>> 6 != low >>> 6) {
            throw new IllegalArgumentException(name + " " + high + ":" + low + " does not lie in one word");
        }
    }

    public static BitField bits(int high, int low, String name, String meaning) {
        return new BitField(high, low, name, meaning);
    }

    public static BitField bit(int position, String name, String meaning) {
        return new BitField(position, position, name, meaning);
    }

    /** The index of the 64-bit word that holds the field. */
    public int word() {
        return low >>> 6;
    }

    /** The field's bits within its word. */
    public long mask() {
        return (-1L >>> (63 - high + low)) << low; // shifts count modulo 64: no need to subtract
    }

    /** The field's value, moved down to bit 0. */
    public long get(long word) {
        return (word & mask()) >>> low;
    }

    /** The field's value in a structure that is given by all its words. */
    public long get(long[] words) {
        return get(words[word()]);
    }

    public boolean isSet(long word) {
        return (word & mask()) != 0;
    }

    /** The field's bits left in place: an aligned address. */
    public long address(long word) {
        return word & mask();
    }

    /** A word that holds {@code value} in this field and nothing else; refuses a value that does not fit. */
    public long of(long value) {
        long word = (value << low) & mask();
        if (get(word) != value) {
            throw new IllegalArgumentException(name + " = 0x" + Long.toHexString(value));
        }
        return word;
    }
}
