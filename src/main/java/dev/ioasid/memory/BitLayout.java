package dev.ioasid.memory;

import java.util.List;

/**
 * The fields of a structure of 64-bit words. What no field names is reserved, so a reserved-bit check cannot drift from
 * the table of fields.
 *
 * @param name what the specification calls the structure
 * @param section where the specification describes it
 */
public record BitLayout(String name, String section, int words, List<BitField> fields) {
    public BitLayout {
        fields = List.copyOf(fields);
        var taken = new long[words];
        for (var field : fields) {
            if ((taken[field.word()] & field.mask()) != 0) {
                throw new IllegalArgumentException(name + ": " + field.name() + " overlaps another field");
            }
            taken[field.word()] |= field.mask();
        }
    }

    public static BitLayout layout(String name, String section, int words, BitField... fields) {
        return new BitLayout(name, section, words, List.of(fields));
    }

    /** Bytes. */
    public int size() {
        return words * Long.BYTES;
    }

    /** The bits of a word that no field names. */
    public long reserved(int word) {
        long named = 0;
        for (var field : fields) {
            if (field.word() == word) {
                named |= field.mask();
            }
        }
        return ~named;
    }
}
