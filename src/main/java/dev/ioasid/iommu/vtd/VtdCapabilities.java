package dev.ioasid.iommu.vtd;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.memory.BitField;
import dev.ioasid.pagetable.Levels512;
import dev.ioasid.pagetable.TableFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * What a VT-d unit can do. VT-d 5.10, sections 11.4.1 to 11.4.3.
 *
 * @param version VER_REG: major in bits 7:4, minor in 3:0
 * @param cap CAP_REG, read through {@link Cap}
 * @param ecap ECAP_REG, read through {@link Ecap}
 * @param hostAddressWidth bits of a physical address; the platform's, in no register
 */
public record VtdCapabilities(int version, long cap, long ecap, int hostAddressWidth) implements IommuCapabilities {
    private static final int DEFAULT_VERSION = 0x60;
    private static final int LARGEST_HOST_ADDRESS_WIDTH = 52;
    private static final int SMALLEST_HOST_ADDRESS_WIDTH = 32;
    private static final int LARGEST_PASID_BITS = 20;
    private static final long PAGE_4K = 1L << 12;
    private static final long PAGE_2M = 1L << 21;
    private static final long PAGE_1G = 1L << 30;

    /** What a current server has. */
    public static final VtdCapabilities DEFAULT = named(NamedCapabilities.CURRENT_SERVER);

    /**
     * Capabilities as registers hold them.
     *
     * @param version null: 6.0
     * @param hostAddressWidth null: the smaller of MGAW and 52
     */
    public static VtdCapabilities raw(@Nullable Long version, long cap, long ecap, @Nullable Integer hostAddressWidth) {
        if (version != null && (version < 0 || version > 0xff)) {
            throw refused("VER", version, "a byte: major version in bits 7:4, minor in 3:0");
        }
        int widest = Math.min((int) Cap.MGAW.get(cap) + 1, LARGEST_HOST_ADDRESS_WIDTH);
        int width = hostAddressWidth == null ? widest : hostAddressWidth;
        if (width < Levels512.GRANULE_SHIFT + 1 || width > LARGEST_HOST_ADDRESS_WIDTH) {
            throw refused("hostAddressWidth", width, "13 to 52 bits");
        }
        return new VtdCapabilities(version == null ? DEFAULT_VERSION : version.intValue(), cap, ecap, width);
    }

    /** Capabilities by name. EINVAL for a value out of range, or one that needs another which is off. */
    public static VtdCapabilities named(NamedCapabilities names) {
        int addressWidth = among("addressWidth", names.addressWidth(), 48, 39, 48, 57);
        int hostAddressWidth = between(
                "hostAddressWidth",
                names.hostAddressWidth(),
                Math.min(addressWidth, LARGEST_HOST_ADDRESS_WIDTH),
                SMALLEST_HOST_ADDRESS_WIDTH,
                Math.min(addressWidth, LARGEST_HOST_ADDRESS_WIDTH));
        boolean scalable = names.scalable() == null || names.scalable();
        boolean firstStage = needs("firstStage", names.firstStage(), "scalable", scalable);
        boolean nesting = needs("nesting", names.nesting(), "firstStage", firstStage);
        boolean ats = names.ats() == null || names.ats();
        boolean pri = needs("pri", names.pri(), "ats and scalable", ats && scalable);
        boolean dirtyTracking = needs("dirtyTracking", names.dirtyTracking(), "scalable", scalable);
        int pasidBits = between(
                "pasidBits",
                names.pasidBits(),
                scalable ? LARGEST_PASID_BITS : 0,
                0,
                scalable ? LARGEST_PASID_BITS : 0);
        int domainIdBits = among("domainIdBits", names.domainIdBits(), 16, 4, 6, 8, 10, 12, 14, 16);
        int faultRecords = between("faultRecords", names.faultRecords(), 8, 1, 256);
        int major = between("majorVersion", names.majorVersion(), DEFAULT_VERSION >>> 4, 1, 15);
        int largePages = largePages(names.pageSizes());

        long cap = Cap.ND.of((domainIdBits - 4) / 2)
                | flag(Cap.CM, Boolean.TRUE.equals(names.cachingMode()))
                | Cap.SAGAW.of(addressWidth == 39 ? 0b0010 : addressWidth == 48 ? 0b0110 : 0b1110)
                | Cap.MGAW.of(addressWidth - 1)
                | flag(Cap.ZLR, names.zeroLengthRead() == null || names.zeroLengthRead())
                | Cap.FRO.of(0x22)
                | Cap.SSLPS.of(largePages)
                | flag(Cap.PSI, true)
                | Cap.NFR.of(faultRecords - 1)
                | Cap.MAMV.of(18)
                | flag(Cap.DWD, true)
                | flag(Cap.DRD, true)
                | flag(Cap.FS1GP, firstStage)
                | flag(Cap.FS5LP, firstStage)
                | flag(Cap.ESRTPS, true);
        long ecap = flag(Ecap.C, true)
                | flag(Ecap.QI, true)
                | flag(Ecap.DT, ats)
                | flag(Ecap.PT, names.passThrough() == null || names.passThrough())
                | flag(Ecap.SC, names.snoopControl() == null || names.snoopControl())
                | Ecap.IRO.of(0xf)
                | flag(Ecap.NEST, nesting)
                | flag(Ecap.PRS, pri)
                | flag(Ecap.NWFS, ats && scalable)
                | flag(Ecap.SMTS, scalable);
        if (scalable) {
            ecap |= flag(Ecap.SRS, firstStage)
                    | flag(Ecap.EAFS, firstStage)
                    | flag(Ecap.PASID, pasidBits > 0)
                    | Ecap.PSS.of(Math.max(pasidBits - 1, 0))
                    | flag(Ecap.PDS, pri)
                    | flag(Ecap.SSADS, dirtyTracking)
                    | flag(Ecap.SSTS, true)
                    | flag(Ecap.FSTS, firstStage)
                    | flag(Ecap.SMPWCS, true)
                    | flag(Ecap.RPS, true)
                    | flag(Ecap.ADMS, true)
                    | flag(Ecap.RPRIVS, firstStage);
        }
        return new VtdCapabilities(major << 4, cap, ecap, hostAddressWidth);
    }

    @Override
    public IommuType type() {
        return IommuType.VTD;
    }

    public int majorVersion() {
        return version >>> 4;
    }

    boolean has(BitField ecapField) {
        return ecapField.isSet(ecap);
    }

    boolean hasCap(BitField capField) {
        return capField.isSet(cap);
    }

    /** The field's bits if the unit lacks the capability that they need: then they are reserved. */
    long missing(BitField ecapField, BitField field) {
        return has(ecapField) ? 0 : field.mask();
    }

    /** Bits of an address in a structure, 63:HAW, that are reserved. */
    long beyondHost() {
        return -1L << hostAddressWidth;
    }

    /** Bits of a domain id that the unit does not have. */
    long beyondDomainIds(BitField did) {
        return did.mask() & ~(did.mask() >>> 16 - Math.min(16, domainIdBits()));
    }

    public boolean scalable() {
        return has(Ecap.SMTS);
    }

    /** MGAW: input addresses have at most so many bits. */
    public int inputBits() {
        return (int) Cap.MGAW.get(cap) + 1;
    }

    public int domainIdBits() {
        return 4 + 2 * (int) Cap.ND.get(cap);
    }

    public int faultRecords() {
        return (int) Cap.NFR.get(cap) + 1;
    }

    /** Whether second-stage tables of 3, 4 or 5 levels are walked. CAP.SAGAW. */
    public boolean walksLevels(int levels) {
        return levels >= 3 && levels <= 5 && (Cap.SAGAW.get(cap) >>> levels - 2 & 1) != 0;
    }

    /** Levels of the deepest second-stage table that is walked; 0 if none is. */
    public int deepestLevels() {
        return walksLevels(5) ? 5 : walksLevels(4) ? 4 : walksLevels(3) ? 3 : 0;
    }

    /** X of the reference: a second-stage input has fewer bits than this, for a table of so many levels. */
    public int secondStageBits(int levels) {
        return Math.min(inputBits(), 30 + 9 * (levels - 2));
    }

    /** Leaf sizes of the second stage, as {@link TableFormat} names them. CAP.SSLPS. */
    public int secondStageLeaves() {
        long large = Cap.SSLPS.get(cap);
        return TableFormat.LEAF_4K
                | ((large & 1) != 0 ? TableFormat.LEAF_2M : 0)
                | ((large & 2) != 0 ? TableFormat.LEAF_1G : 0);
    }

    @Override
    public int sourceIdBits() {
        return Short.SIZE;
    }

    @Override
    public int pasidBits() {
        return scalable() && has(Ecap.PASID) ? (int) Ecap.PSS.get(ecap) + 1 : 0;
    }

    @Override
    public Map<String, Object> named() {
        var names = new LinkedHashMap<String, Object>();
        int deepest = deepestLevels();
        names.put("addressWidth", deepest == 0 ? inputBits() : secondStageBits(deepest));
        names.put("hostAddressWidth", hostAddressWidth);
        names.put("pasidBits", pasidBits());
        names.put("pageSizes", pageSizes());
        names.put("scalable", scalable());
        names.put("firstStage", has(Ecap.FSTS));
        names.put("nesting", has(Ecap.NEST));
        names.put("ats", has(Ecap.DT));
        names.put("pri", has(Ecap.PRS));
        names.put("dirtyTracking", has(Ecap.SSADS));
        names.put("snoopControl", has(Ecap.SC));
        names.put("passThrough", has(Ecap.PT));
        names.put("zeroLengthRead", hasCap(Cap.ZLR));
        names.put("cachingMode", hasCap(Cap.CM));
        names.put("domainIdBits", domainIdBits());
        names.put("faultRecords", faultRecords());
        names.put("majorVersion", majorVersion());
        return names;
    }

    @Override
    public SequencedMap<String, Long> registers() {
        var registers = new LinkedHashMap<String, Long>();
        registers.put("VER", (long) version);
        registers.put("CAP", cap);
        registers.put("ECAP", ecap);
        return registers;
    }

    @Override
    public boolean execute() {
        return has(Ecap.ERS);
    }

    @Override
    public int outputBits() {
        return hostAddressWidth;
    }

    @Override
    public boolean pageRequests() {
        return has(Ecap.PRS);
    }

    @Override
    public boolean privileged() {
        return has(Ecap.SRS);
    }

    private List<Long> pageSizes() {
        var sizes = new ArrayList<>(List.of(PAGE_4K));
        if ((secondStageLeaves() & TableFormat.LEAF_2M) != 0) {
            sizes.add(PAGE_2M);
        }
        if ((secondStageLeaves() & TableFormat.LEAF_1G) != 0) {
            sizes.add(PAGE_1G);
        }
        return List.copyOf(sizes);
    }

    private static int largePages(@Nullable List<Long> sizes) {
        if (sizes == null) {
            return 0b11;
        }
        boolean known = sizes.stream().allMatch(size -> size == PAGE_4K || size == PAGE_2M || size == PAGE_1G);
        boolean gigantic = sizes.contains(PAGE_1G);
        boolean large = sizes.contains(PAGE_2M);
        if (!known || !sizes.contains(PAGE_4K) || gigantic && !large) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "pageSizes must hold 0x1000, and may hold 0x200000, and then 0x40000000",
                    Map.of("capability", "pageSizes"));
        }
        return (large ? 0b01 : 0) | (gigantic ? 0b10 : 0);
    }

    private static long flag(BitField field, boolean on) {
        return on ? field.mask() : 0;
    }

    private static int between(String name, @Nullable Integer value, int byDefault, int least, int most) {
        int chosen = value == null ? byDefault : value;
        if (chosen < least || chosen > most) {
            throw refused(name, chosen, least + " to " + most + " with the other capabilities as they are");
        }
        return chosen;
    }

    private static int among(String name, @Nullable Integer value, int byDefault, int... choices) {
        int chosen = value == null ? byDefault : value;
        var offered = new ArrayList<Integer>();
        for (int choice : choices) {
            offered.add(choice);
        }
        if (!offered.contains(chosen)) {
            throw refused(name, chosen, "one of " + offered);
        }
        return chosen;
    }

    private static boolean needs(String name, @Nullable Boolean value, String other, boolean otherIsOn) {
        if (Boolean.TRUE.equals(value) && !otherIsOn) {
            throw new RefusedException(
                    Errno.EINVAL, name + " needs " + other + ", which is off", Map.of("capability", name));
        }
        return value == null ? otherIsOn : value;
    }

    private static RefusedException refused(String name, long value, String expected) {
        return new RefusedException(
                Errno.EINVAL, name + " is " + value + ", expected " + expected, Map.of("capability", name));
    }
}
