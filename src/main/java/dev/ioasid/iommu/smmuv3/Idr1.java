package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** SMMU_IDR1. IHI 0070, section 6.3.2. */
final class Idr1 {
    // spotless:off  columns are the point
    static final BitField SIDSIZE        = bits( 5,  0, "SIDSIZE",        "StreamIDs have so many bits");
    static final BitField SSIDSIZE       = bits(10,  6, "SSIDSIZE",       "SubstreamIDs have so many bits; 0: none");
    static final BitField PRIQS          = bits(15, 11, "PRIQS",          "log2 of the PRI queue's largest size");
    static final BitField EVENTQS        = bits(20, 16, "EVENTQS",        "log2 of the Event queue's largest size");
    static final BitField CMDQS          = bits(25, 21, "CMDQS",          "log2 of the Command queue's largest size");
    static final BitField ATTR_PERMS_OVR = bit (    26, "ATTR_PERMS_OVR", "privilege and instruction can be overridden");
    static final BitField ATTR_TYPES_OVR = bit (    27, "ATTR_TYPES_OVR", "memory type and shareability can be overridden");
    static final BitField REL            = bit (    28, "REL",            "preset bases are relative");
    static final BitField QUEUES_PRESET  = bit (    29, "QUEUES_PRESET",  "the queues are where they are");
    static final BitField TABLES_PRESET  = bit (    30, "TABLES_PRESET",  "the Stream table is where it is");
    static final BitField ECMDQ          = bit (    31, "ECMDQ",          "enhanced command queues");

    static final BitLayout LAYOUT = BitLayout.layout("IDR1", "6.3.2", 1,
            SIDSIZE, SSIDSIZE, PRIQS, EVENTQS, CMDQS, ATTR_PERMS_OVR, ATTR_TYPES_OVR, REL, QUEUES_PRESET, TABLES_PRESET, ECMDQ);
    // spotless:on

    private Idr1() {}
}
