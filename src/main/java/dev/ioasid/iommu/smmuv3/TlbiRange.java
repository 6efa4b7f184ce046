package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.CommandFields.NUM;
import static dev.ioasid.iommu.smmuv3.CommandFields.SCALE;
import static dev.ioasid.iommu.smmuv3.CommandFields.TG;
import static dev.ioasid.iommu.smmuv3.CommandFields.TTL;

/**
 * How far a TLB invalidation by address reaches: {@code (num + 1) * 2^scale} granules, or whatever contains one address. IHI 0070, section
 * 4.4.1.1.
 *
 * @param granule log2: 12, 14 or 16; 0: any, and just one address
 * @param level Arm's level of the leaves, 1 to 3; 0: any
 * @param num 0 to 31
 * @param scale 0 to 31
 */
record TlbiRange(int granule, int level, int num, int scale) {
    /** What contains one address, whatever its size. */
    static final TlbiRange ONE_ADDRESS = new TlbiRange(0, 0, 0, 0);

    TlbiRange {
        if (granule != 0 && granule != 12 && granule != 14 && granule != 16) {
            throw new IllegalArgumentException("granule of 2^" + granule + " bytes");
        }
    }

    /** As a command says it. */
    static TlbiRange of(long word0, long word1) {
        int granule = switch ((int) TG.get(word1)) {
            case 1 -> 12;
            case 2 -> 14;
            case 3 -> 16;
            default -> 0;
        };
        boolean none = granule == 14 && TTL.get(word1) == 1; // there are no leaves at level 1: as if nothing were said
        return granule == 0
                ? ONE_ADDRESS
                : new TlbiRange(granule, none ? 0 : (int) TTL.get(word1), (int) NUM.get(word0), (int) SCALE.get(word0));
    }

    /** Whether it says nothing but the granule, which no command may. */
    boolean isReserved() {
        return granule != 0 && level == 0 && num == 0 && scale == 0;
    }

    /** Whether it may begin at an address: that of a leaf. */
    boolean mayBeginAt(long address) {
        int perLevel = granule - 3;
        int leaf = granule + (level == 0 ? 0 : (3 - level) * perLevel);
        return granule == 0 || (address & (1L << leaf) - 1) == 0;
    }

    /** The last address, none beyond the top. */
    long last(long first) {
        if (granule == 0) {
            return first | 0xfff;
        }
        long last = first + ((long) (num + 1) << scale + granule) - 1;
        return Long.compareUnsigned(last, first) < 0 ? -1 : last;
    }

    /** Its bits in a command's first word. */
    long word0() {
        return NUM.of(num) | SCALE.of(scale);
    }

    /** Its bits in a command's second word. */
    long word1() {
        int code = granule == 0 ? 0 : (granule - 10) / 2;
        return TG.of(code) | TTL.of(level);
    }
}
