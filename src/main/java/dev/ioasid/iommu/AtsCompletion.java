package dev.ioasid.iommu;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;
import java.util.StringJoiner;

/** Data of a translation completion, 8 bytes. PCIe ATS, section 10.2.3; VT-d 5.10, section 4.2.3. */
public final class AtsCompletion {
    /** How a translation request is completed. */
    public enum Status {
        SUCCESS,
        UNSUPPORTED_REQUEST,
        COMPLETER_ABORT
    }

    // spotless:off  columns are the point
    public static final BitField R    = bit (     0, "R",    "reads are allowed");
    public static final BitField W    = bit (     1, "W",    "writes are allowed");
    public static final BitField U    = bit (     2, "U",    "untranslated requests only");
    public static final BitField EXE  = bit (     3, "EXE",  "execution is allowed");
    public static final BitField PRIV = bit (     4, "PRIV", "the rights are those of privileged requests");
    public static final BitField G    = bit (     5, "G",    "the same for every PASID");
    public static final BitField N    = bit (    10, "N",    "accesses must be snooped");
    public static final BitField S    = bit (    11, "S",    "the address says how many pages");
    public static final BitField ADDR = bits(63, 12, "ADDR", "page; with S the lowest 0 bit ends the size");
    // spotless:on
    public static final BitLayout LAYOUT =
            BitLayout.layout("translation completion", "10.2.3", 1, R, W, U, EXE, PRIV, G, N, S, ADDR);

    private AtsCompletion() {}

    /**
     * The address field and S.
     *
     * @param address anywhere in the page
     * @param shift log2 of the page size
     */
    public static long range(long address, int shift) {
        long page = address & -1L << shift;
        long ones = (1L << shift - 1) - (1L << 12); // up to the 0 that ends the size
        return shift > 12 ? S.mask() | page | ones : page;
    }

    /** The flags that are set: {@code R W}. */
    public static String describe(long word) {
        var flags = new StringJoiner(" ");
        for (var field : LAYOUT.fields()) {
            if (field != ADDR && field.isSet(word)) {
                flags.add(field.name());
            }
        }
        return flags.length() == 0 ? "no rights" : flags.toString();
    }
}
