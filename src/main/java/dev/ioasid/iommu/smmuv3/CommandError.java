package dev.ioasid.iommu.smmuv3;

/** Why the Command queue stands: CMDQ_CONS.ERR. IHI 0070, section 7.1. */
enum CommandError {
    // spotless:off  columns are the point
    CERROR_ILL          (1, "the command is none, or one that the unit does not have, or has a value that means nothing"),
    CERROR_ABT          (2, "the command could not be fetched: it is not in memory"),
    CERROR_ATC_INV_SYNC (3, "a device has not answered an ATC invalidation that went before");
    // spotless:on

    private final int number;
    private final String detail;

    CommandError(int number, String detail) {
        this.number = number;
        this.detail = detail;
    }

    int number() {
        return number;
    }

    String detail() {
        return detail;
    }
}
