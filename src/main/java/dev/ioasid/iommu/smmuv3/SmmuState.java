package dev.ioasid.iommu.smmuv3;

/**
 * What the registers say to a transaction, all of it at one moment.
 *
 * @param enabled CR0.SMMUEN; without, only {@code gbpa} matters
 * @param atsCheck CR0.ATSCHK
 * @param recordBadStreamId CR2.RECINVSID
 * @param recordAts CR2.REC_CFG_ATS
 * @param e2h CR2.E2H
 * @param strtabBase where the Stream table is, aligned as its size asks
 * @param streamBits StreamIDs of more bits are out of range
 * @param split StreamID bits of the second level: 6, 8 or 10
 * @param twoLevel the Stream table has two levels
 * @param gbpa read through {@link Gbpa}
 */
record SmmuState(
        boolean enabled,
        boolean atsCheck,
        boolean recordBadStreamId,
        boolean recordAts,
        boolean e2h,
        long strtabBase,
        int streamBits,
        int split,
        boolean twoLevel,
        long gbpa) {

    /**
     * As the registers say it. IHI 0070, sections 6.3.24 and 6.3.25.
     *
     * @param cr0 read through {@link Cr0}
     * @param cr2 read through {@link Cr2}
     * @param base STRTAB_BASE, read through {@link Strtab}
     * @param configuration STRTAB_BASE_CFG, read through {@link Strtab}
     * @param sidBits StreamID bits that the unit has
     */
    static SmmuState of(long cr0, long cr2, long base, long configuration, int sidBits, long gbpa) {
        int size = (int) Strtab.LOG2SIZE.get(configuration);
        int split = split((int) Strtab.SPLIT.get(configuration));
        boolean twoLevel = Strtab.FMT.get(configuration) == Strtab.TWO_LEVEL;
        // of the table's size as it is written, whatever the unit can use of it
        int aligned = twoLevel ? Math.max(6, size - split + 3) : size + 6;
        return new SmmuState(
                Cr0.SMMUEN.isSet(cr0),
                Cr0.ATSCHK.isSet(cr0),
                Cr2.RECINVSID.isSet(cr2),
                Cr2.REC_CFG_ATS.isSet(cr2),
                Cr2.E2H.isSet(cr2),
                aligned >= Long.SIZE ? 0 : Strtab.ADDR.address(base) & -1L << aligned,
                Math.min(size, sidBits),
                split,
                twoLevel,
                gbpa);
    }

    private static int split(int written) {
        return written == 8 || written == 10 ? written : 6;
    }
}
