package dev.ioasid.machine;

import dev.ioasid.memory.AddressRange;
import java.util.List;

/**
 * Where an IOASID can be mapped.
 *
 * @param ranges ascending, maximal; mappings are not subtracted
 * @param alignment bytes of the smallest page
 */
public record IovaRanges(List<AddressRange> ranges, long alignment) {}
