package dev.ioasid.iommu;

import java.util.Map;
import java.util.SequencedMap;

/** What a unit can do, as its read-only registers say. */
public interface IommuCapabilities {
    IommuType type();

    /** Width of the PASIDs that the unit takes, in bits; 0 if it takes none. */
    int pasidBits();

    /** Width of the ids by which the requests of devices arrive, in bits: VT-d's source id, SMMUv3's StreamID. */
    int sourceIdBits();

    /** Width of the addresses that the unit puts out, in bits. */
    int outputBits();

    /**
     * By name, in a fixed order: an {@code Integer}, a {@code Boolean}, a {@code String} for one of several choices, a {@code Long} for
     * an address or a length, or a list of {@code Long}.
     */
    Map<String, Object> named();

    /** The registers that say so, by their architectural names. */
    SequencedMap<String, Long> registers();

    /** Whether requests may ask for execution. */
    boolean execute();

    /** Whether requests may ask for supervisor rights. */
    boolean privileged();

    /** Whether devices may ask for pages. */
    boolean pageRequests();
}
