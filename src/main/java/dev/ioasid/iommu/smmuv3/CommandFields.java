package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;

/** Fields of commands, 16 bytes each; {@link CommandType} says which command has which. IHI 0070, chapter 4. */
final class CommandFields {
    static final int WORDS = 2;

    // spotless:off  columns are the point
    static final BitField OPCODE      = bits(  7,   0, "opcode",      "which command");
    static final BitField GLOBAL      = bit (       9, "G",           "of every PASID");
    static final BitField SSEC        = bit (      10, "SSec",        "0: the StreamID is Non-secure");
    static final BitField SSV         = bit (      11, "SSV",         "there is a SubstreamID");
    static final BitField AC          = bit (      12, "Ac",          "retry, and do not terminate");
    static final BitField AB          = bit (      13, "Ab",          "terminate with an abort, not as RAZ/WI");
    static final BitField CS          = bits( 13,  12, "CS",          "completion: 0 no signal, 1 interrupt, 2 event");
    static final BitField NUM         = bits( 16,  12, "NUM",         "(NUM + 1) * 2^SCALE granules");
    static final BitField MSH         = bits( 23,  22, "MSH",         "shareability of the message");
    static final BitField SCALE       = bits( 24,  20, "SCALE",       "(NUM + 1) * 2^SCALE granules");
    static final BitField MSIATTR     = bits( 27,  24, "MSIAttr",     "memory type of the message");
    static final BitField SUBSTREAMID = bits( 31,  12, "SubstreamID", "SubstreamID");
    static final BitField VMID        = bits( 47,  32, "VMID",        "virtual machine");
    static final BitField STREAMID    = bits( 63,  32, "StreamID",    "StreamID");
    static final BitField MSIDATA     = bits( 63,  32, "MSIData",     "the message");
    static final BitField ASID        = bits( 63,  48, "ASID",        "address space");
    static final BitField LEAF        = bit (      64, "Leaf",        "only what the last level led to has changed");
    static final BitField MSIADDRESS  = bits(115,  66, "MSIAddress",  "where the message goes; 0: nowhere");
    static final BitField RANGE       = bits( 68,  64, "Range",       "2^(Range + 1) StreamIDs, aligned; 31: all");
    static final BitField PREFETCHES  = bits( 68,  64, "Size",        "2^Size translations");
    static final BitField PAGES       = bits( 69,  64, "Size",        "2^Size pages of 4 KiB, aligned; 52: all");
    static final BitField PRGINDEX    = bits( 72,  64, "PRGIndex",    "page request group");
    static final BitField STAG        = bits( 79,  64, "STAG",        "which stalled transaction");
    static final BitField TTL128      = bit (      71, "TTL128",      "0: descriptors have 64 bits");
    static final BitField TTL         = bits( 73,  72, "TTL",         "level of the leaves; 0: any");
    static final BitField TG          = bits( 75,  74, "TG",          "granule: 0 any, and one address; 1 4 KiB, 2 16 KiB, 3 64 KiB");
    static final BitField RESP        = bits( 77,  76, "Resp",        "0 failure, 1 invalid request, 2 success");
    static final BitField IPA         = bits(115,  76, "Address",     "intermediate physical address");
    static final BitField ADDRESS     = bits(127,  76, "Address",     "virtual address");
    // spotless:on

    private CommandFields() {}
}
