package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;

/** Fields of event records, 32 bytes each; {@link SmmuEvent} says which event has which. IHI 0070, section 7.3. */
final class EventFields {
    static final int WORDS = 4;

    // spotless:off  columns are the point
    static final BitField CODE        = bits(  7,   0, "event",       "event number");
    static final BitField SSV         = bit (      11, "SSV",         "the transaction had a SubstreamID");
    static final BitField SUBSTREAMID = bits( 31,  12, "SubstreamID", "SubstreamID");
    static final BitField STREAMID    = bits( 63,  32, "StreamID",    "StreamID");
    static final BitField STAG        = bits( 79,  64, "STAG",        "which stalled transaction, if Stall");
    static final BitField REASON      = bits( 79,  64, "Reason",      "implementation defined");
    static final BitField TREQ_SPAN   = bits( 67,  64, "Span",        "smallest translation units that were asked for");
    static final BitField TREQ_PRIV   = bit (      92, "Priv",        "privileged rights were asked for");
    static final BitField TREQ_X      = bit (      93, "X",           "the right to execute was asked for");
    static final BitField TREQ_W      = bit (      94, "W",           "the right to write was asked for");
    static final BitField TREQ_R      = bit (      95, "R",           "the right to read was asked for");
    static final BitField STALL       = bit (      95, "Stall",       "the transaction waits for CMD_RESUME");
    static final BitField PNU         = bit (      97, "PnU",         "privileged");
    static final BitField IND         = bit (      98, "InD",         "instruction read");
    static final BitField RNW         = bit (      99, "RnW",         "read");
    static final BitField NSIPA       = bit (     102, "NSIPA",       "Secure streams only");
    static final BitField S2          = bit (     103, "S2",          "stage 2 is at fault");
    static final BitField CLASS       = bits(105, 104, "CLASS",       "at fault: 0 the fetch of a CD, 1 of a stage-1 descriptor, 2 the input");
    static final BitField TTRNW       = bit (     108, "TTRnW",       "the descriptor was read, if CLASS is 1");
    static final BitField HINT_UX     = bit (      97, "uX",          "unprivileged execution is to be expected");
    static final BitField HINT_UW     = bit (      98, "uW",          "unprivileged writes are to be expected");
    static final BitField HINT_UR     = bit (      99, "uR",          "unprivileged reads are to be expected");
    static final BitField HINT_PX     = bit (     101, "pX",          "privileged execution is to be expected");
    static final BitField HINT_PW     = bit (     102, "pW",          "privileged writes are to be expected");
    static final BitField HINT_PR     = bit (     103, "pR",          "privileged reads are to be expected");
    static final BitField HINT_SPAN   = bits(115, 108, "Span",        "pages of 4 KiB");
    static final BitField INPUTADDR   = bits(191, 128, "InputAddr",   "address of the transaction");
    static final BitField INPUTPAGE   = bits(191, 140, "InputAddr",   "page of the request");
    static final BitField IPA         = bits(243, 204, "IPA",         "page of the input of stage 2, if S2");
    static final BitField FETCHADDR   = bits(243, 195, "FetchAddr",   "physical address of what could not be fetched");
    // spotless:on

    private EventFields() {}
}
