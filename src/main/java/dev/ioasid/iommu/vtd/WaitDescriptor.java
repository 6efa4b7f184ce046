package dev.ioasid.iommu.vtd;

import static dev.ioasid.memory.BitField.bit;
import static dev.ioasid.memory.BitField.bits;

import dev.ioasid.memory.BitField;
import dev.ioasid.memory.BitLayout;

/** Invalidation wait descriptor. VT-d 5.10, section 6.5.2.8. */
final class WaitDescriptor {
    static final int TYPE = 5;

    // spotless:off  columns are the point
    static final BitField T    = bits(  3,   0, "TYPE",  "5, with 11:9");
    static final BitField IF   = bit (       4, "IF",    "raise the invalidation event");
    static final BitField SW   = bit (       5, "SW",    "write the status");
    static final BitField FN   = bit (       6, "FN",    "what comes later waits for this");
    static final BitField PD   = bit (       7, "PD",    "page requests are drained first");
    static final BitField TH   = bits( 11,   9, "TYPEH", "0");
    static final BitField DATA = bits( 63,  32, "DATA",  "status data");
    static final BitField ADDR = bits(127,  66, "ADDR",  "where the status is written");
    // spotless:on
    static final BitLayout LAYOUT =
            BitLayout.layout("invalidation wait descriptor", "6.5.2.8", 2, T, IF, SW, FN, PD, TH, DATA, ADDR);

    private WaitDescriptor() {}

    /**
     * Waits for all before it and then writes {@code data}.
     *
     * @param drain also for page requests that are on their way into their queue
     */
    static long[] status(int data, long address, boolean drain) {
        return new long[] {
            T.of(TYPE) | SW.mask() | FN.mask() | PD.of(drain ? 1 : 0) | DATA.of(Integer.toUnsignedLong(data)),
            ADDR.address(address)
        };
    }
}
