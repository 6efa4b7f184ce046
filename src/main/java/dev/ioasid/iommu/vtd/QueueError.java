package dev.ioasid.iommu.vtd;

/** Why the invalidation queue stands: IQERCD.IQEI. VT-d 5.10, section 11.4.8.9. */
enum QueueError {
    // spotless:off  columns are the point
    INVALID_TAIL    (1, "the tail lies beyond the queue"),
    FETCH           (2, "the descriptor, or the status it wants written, is not in memory"),
    INVALID_TYPE    (3, "the descriptor's type is none, or one that the unit does not have in this mode"),
    RESERVED_FIELD  (4, "a bit is set in the descriptor that must be 0, or a field has a value that means nothing"),
    WRONG_WIDTH     (5, "descriptors have 256 bits where scalable mode is on, and 128 where there is none (IQA.DW)"),
    UNALIGNED_TAIL  (6, "the tail is not a multiple of 32 bytes"),
    INVALID_MODE    (7, "RTADDR.TTM is the reserved value 2");
    // spotless:on

    private final int number;
    private final String detail;

    QueueError(int number, String detail) {
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
