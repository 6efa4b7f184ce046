package dev.ioasid.iommu.smmuv3;

/** What registers say to a translation, all of one moment. */
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
        long gbpa) {}
