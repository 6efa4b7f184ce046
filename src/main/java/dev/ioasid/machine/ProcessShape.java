package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.pagetable.TableFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the page table of a process is written.
 *
 * @param formatName by its name in requests
 * @param addressWidth bits of a virtual address by the format
 * @param userBits what a process can map lies below so many bits: one less where the upper half is the kernel's
 */
record ProcessShape(String formatName, TableFormat format, int addressWidth, int userBits) {
    private static final String X86_64 = "x86-64";
    private static final String ARMV8 = "armv8-stage1";
    private static final List<String> NOT_OF_CPUS = List.of("vtd-second-stage", "armv8-stage2", "smmuv3-cd-table");
    private static final List<Long> ARMV8_GRANULES = List.of(0x1000L, 0x4000L, 0x1_0000L);
    /** What TCR.IPS can say. */
    private static final List<Integer> ARMV8_PHYSICAL_BITS = List.of(32, 36, 40, 42, 44, 48);

    private static final int WIDEST = 48;
    private static final int NARROWEST = 36;

    /**
     * EINVAL: no such format, levels or granule.
     *
     * @param levels null: those of 48 bits
     * @param granule bytes of the smallest page; null: 0x1000
     * @param memory bytes of the machine's memory, which all addresses in the table lie in
     */
    static ProcessShape of(String format, @Nullable Integer levels, @Nullable Long granule, long memory) {
        int physicalBits = Long.SIZE - Long.numberOfLeadingZeros(memory - 1);
        return switch (format) {
            case X86_64 -> x8664(levels, granule, physicalBits);
            case ARMV8 -> armv8(levels, granule, physicalBits);
            default ->
                throw refused(
                        NOT_OF_CPUS.contains(format)
                                ? "no CPU walks a table of format %s: a process has %s or %s"
                                        .formatted(format, X86_64, ARMV8)
                                : "there is no format '%s'; a process has %s or %s".formatted(format, X86_64, ARMV8),
                        "format",
                        format);
        };
    }

    private static ProcessShape x8664(@Nullable Integer levels, @Nullable Long granule, int physicalBits) {
        if (granule != null && granule != 0x1000) {
            throw refused("granule is 0x%x: pages of x86-64 have 0x1000".formatted(granule), "granule", granule);
        }
        int chosen = levels == null ? 4 : levels;
        if (chosen != 4 && chosen != 5) {
            throw refused("levels is %d, expected 4 or 5".formatted(chosen), "levels", chosen);
        }
        var format = TableFormat.x8664Process(chosen, physicalBits);
        return new ProcessShape(X86_64, format, format.inputBits(), format.inputBits() - 1);
    }

    /** As many bits as the levels give, up to 48. */
    private static ProcessShape armv8(@Nullable Integer levels, @Nullable Long granule, int physicalBits) {
        long bytes = granule == null ? ARMV8_GRANULES.getFirst() : granule;
        if (!ARMV8_GRANULES.contains(bytes)) {
            throw refused("granule is 0x%x, expected 0x1000, 0x4000 or 0x10000".formatted(bytes), "granule", bytes);
        }
        int granuleShift = Long.numberOfTrailingZeros(bytes);
        int entryBits = granuleShift - 3;
        int most = (WIDEST - granuleShift + entryBits - 1) / entryBits;
        int fewest = (NARROWEST - granuleShift + entryBits - 1) / entryBits;
        int chosen = levels == null ? most : levels;
        if (chosen < fewest || chosen > most) {
            throw refused(
                    "levels is %d, expected %d to %d with a granule of 0x%x".formatted(chosen, fewest, most, bytes),
                    "levels",
                    chosen);
        }
        int width = Math.min(granuleShift + chosen * entryBits, WIDEST);
        int outputBits = ARMV8_PHYSICAL_BITS.stream()
                .filter(bits -> bits >= physicalBits)
                .findFirst()
                .orElseThrow();
        return new ProcessShape(ARMV8, TableFormat.armv8Process(granuleShift, width, outputBits), width, width);
    }

    private static RefusedException refused(String detail, String subject, Object value) {
        return new RefusedException(Errno.EINVAL, detail, Map.of(subject, value));
    }

    int levels() {
        return format.levels();
    }

    /** Bytes of its pages. */
    long granule() {
        return 1L << format.granuleShift();
    }
}
