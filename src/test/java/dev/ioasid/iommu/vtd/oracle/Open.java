package dev.ioasid.iommu.vtd.oracle;

/** Questions that the specification leaves open: with one of these the oracle answers them the other way. */
public enum Open {
    /** Rights that two levels take from each other make an entry absent at once, not only at the leaf. */
    NO_RIGHTS_LEFT_FAULTS_AT_ONCE,
    /** The same, after the reserved bits of the entry were looked at. */
    NO_RIGHTS_LEFT_FAULTS_AFTER_RESERVED,
    /** Whether the first-stage leaf could be marked is looked at before its page goes through the second stage. */
    FIRST_STAGE_LEAF_MARKED_BEFORE_FINAL_WALK,
    /** A page of first-stage tables that may be read only is noticed before a walk that is not snooped. */
    WRITE_RIGHT_BEFORE_SNOOP,
    /** A read without PASID in the interrupt range is looked at together with other input addresses. */
    INTERRUPT_RANGE_READ_AFTER_TABLES
}
