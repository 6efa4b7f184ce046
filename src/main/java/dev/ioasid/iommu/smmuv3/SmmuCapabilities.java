package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.memory.BitField;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * What an SMMUv3 can do, as its identification registers say. IHI 0070, sections 6.3.1 to 6.3.8.
 *
 * <p>Versions 3.1 to 3.3 of the Non-secure interface with VMSAv8-64 tables. Of what the registers may offer beyond that, broadcast TLB
 * maintenance, address translation operations and RME are read back, and nothing follows; of MPAM, the VMS is fetched.
 *
 * @param idr0 read through {@link Idr0}
 * @param idr1 read through {@link Idr1}
 * @param idr2 offset of a register page that is not modelled
 * @param idr3 read through {@link Idr3}
 * @param idr5 read through {@link Idr5}
 * @param aidr minor version in bits 3:0
 */
public record SmmuCapabilities(long idr0, long idr1, long idr2, long idr3, long idr5, long aidr)
        implements IommuCapabilities {
    private static final int[] ADDRESS_BITS = {32, 36, 40, 42, 44, 48, 52, 52
    }; // by IDR5.OAS; 7 is of v3.4 and acts as 6

    /** Of {@link #stallModel}. */
    static final int TERMINATE_ONLY = 1;

    /** Of {@link #stallModel}. */
    static final int STALL_ONLY = 2;

    /** What a current server has. */
    public static final SmmuCapabilities DEFAULT = named(SmmuNames.CURRENT_SERVER);

    /**
     * Capabilities as registers hold them, by their names: IDR0, IDR1 and IDR5, and where they are not 0, IDR2 and IDR3; AIDR is 2 unless
     * it is given; IDR4 and IIDR may be given and are not kept. EINVAL: another name, one that is missing, or a field that has a
     * value that no SMMU of these versions has.
     */
    public static SmmuCapabilities raw(Map<String, Long> registers) {
        return RawSmmuCapabilities.of(registers);
    }

    /** Capabilities by name. EINVAL for a value out of range, or one that needs another which is off. */
    public static SmmuCapabilities named(SmmuNames names) {
        return NamedSmmuCapabilities.of(names);
    }

    @Override
    public IommuType type() {
        return IommuType.SMMUV3;
    }

    boolean has0(BitField idr0Field) {
        return idr0Field.isSet(idr0);
    }

    boolean has1(BitField idr1Field) {
        return idr1Field.isSet(idr1);
    }

    boolean has3(BitField idr3Field) {
        return idr3Field.isSet(idr3);
    }

    /** 1 to 3: SMMUv3.1 to SMMUv3.3. */
    public int minor() {
        return (int) aidr & 0xf;
    }

    /** Stage 1. */
    public boolean s1() {
        return has0(Idr0.S1P);
    }

    /** Stage 2. */
    public boolean s2() {
        return has0(Idr0.S2P);
    }

    /** OAS: bits of an output address, 32 to 52. */
    @Override
    public int outputBits() {
        return addressBits((int) Idr5.OAS.get(idr5));
    }

    /** Bits of an address that CD.IPS or STE.S2PS allows, no more than OAS. */
    int outputBits(int encoded) {
        return Math.min(addressBits(encoded), outputBits());
    }

    /** CD.IPS or STE.S2PS, no more than OAS. */
    int cappedOutputs(int encoded) {
        return Math.min(Math.min(encoded, WIDEST_ENCODED), Math.min((int) Idr5.OAS.get(idr5), WIDEST_ENCODED));
    }

    private static final int WIDEST_ENCODED = 6;

    /** IAS: bits of an intermediate address, and of an input that bypasses stage 1. Without VMSAv8-32 tables it is OAS. */
    public int inputBits() {
        return outputBits();
    }

    /** The bits that IDR5.OAS, CD.IPS and STE.S2PS encode alike, 0 to 7. */
    static int addressBits(int encoded) {
        return ADDRESS_BITS[encoded];
    }

    /** How IDR5.OAS, CD.IPS and STE.S2PS encode so many bits; -1 if they cannot. */
    static int encodedAddressBits(int bits) {
        for (int encoded = 0; encoded < ADDRESS_BITS.length; encoded++) {
            if (ADDRESS_BITS[encoded] == bits) {
                return encoded;
            }
        }
        return -1;
    }

    /** Bits of an address that no output address has. */
    long beyondOutput() {
        return -1L << outputBits();
    }

    /** Bits of a StreamID, 0 to 32. */
    public int sidBits() {
        return (int) Idr1.SIDSIZE.get(idr1);
    }

    @Override
    public int sourceIdBits() {
        return sidBits();
    }

    /** Bits of a SubstreamID, 0 to 20; 0: there are none. */
    public int ssidBits() {
        return (int) Idr1.SSIDSIZE.get(idr1);
    }

    /** As {@link #ssidBits}, but 0 without stage 1: then nothing can be done with a SubstreamID. */
    @Override
    public int pasidBits() {
        return s1() ? ssidBits() : 0;
    }

    public boolean twoLevelStreamTable() {
        return Idr0.ST_LEVEL.get(idr0) != 0;
    }

    public boolean twoLevelCd() {
        return has0(Idr0.CD2L);
    }

    public boolean asid16() {
        return has0(Idr0.ASID16);
    }

    public boolean vmid16() {
        return has0(Idr0.VMID16);
    }

    /** Whether hardware can set access flags. */
    public boolean httuAccess() {
        return Idr0.HTTU.get(idr0) >= 1;
    }

    /** Whether hardware can keep dirty state, too. */
    public boolean httuDirty() {
        return Idr0.HTTU.get(idr0) >= 2;
    }

    public boolean ats() {
        return has0(Idr0.ATS);
    }

    public boolean pri() {
        return has0(Idr0.PRI);
    }

    /** Whether ATS can stop at the first of two stages (EATS 2). */
    public boolean splitStageAts() {
        return ats() && s1() && s2() && !has0(Idr0.NS1ATS);
    }

    /** EL2 streams. */
    public boolean hyp() {
        return has0(Idr0.HYP);
    }

    public boolean msi() {
        return has0(Idr0.MSI);
    }

    /** STALL_MODEL: 0 stall and terminate, 1 terminate only, 2 stall only. */
    public int stallModel() {
        return (int) Idr0.STALL_MODEL.get(idr0);
    }

    /** Whether transactions can be stalled. */
    public boolean stalls() {
        return stallModel() != TERMINATE_ONLY;
    }

    /** Whether a terminated transaction can only be aborted. */
    public boolean termModel() {
        return has0(Idr0.TERM_MODEL);
    }

    /** Transactions that can be stalled at a time. */
    public int stallMax() {
        return (int) Idr5.STALL_MAX.get(idr5);
    }

    /** Whether configuration errors of ATS requests can be recorded (CR2.REC_CFG_ATS). */
    public boolean recordsConfigurationAts() {
        return ats() && has0(Idr0.ATSRECERR);
    }

    /** Whether tables may be big-endian. */
    public boolean bigEndian() {
        return Idr0.TTENDIAN.get(idr0) == Idr0.BIG_OR_LITTLE_ENDIAN;
    }

    /** Whether invalidations can ignore bits of VMIDs (CR0.VMW). */
    public boolean vmidWildcards() {
        return s2() && has0(Idr0.VMW);
    }

    /**
     * Whether tables have this granule.
     *
     * @param shift 12, 14 or 16
     */
    public boolean hasGranule(int shift) {
        return switch (shift) {
            case 12 -> Idr5.GRAN4K.isSet(idr5);
            case 14 -> Idr5.GRAN16K.isSet(idr5);
            case 16 -> Idr5.GRAN64K.isSet(idr5);
            default -> false;
        };
    }

    /** Inputs of 52 bits with the 64 KiB granule. */
    public boolean vax52() {
        return Idr5.VAX.get(idr5) >= 1;
    }

    /** Tables of few entries (STT). */
    public boolean smallTables() {
        return has3(Idr3.STT);
    }

    public boolean xnx() {
        return has3(Idr3.XNX);
    }

    /** Stage 2 can decide the memory type. */
    public boolean fwb() {
        return has3(Idr3.FWB);
    }

    public boolean e0pd() {
        return has3(Idr3.E0PD);
    }

    /** Walks of Device memory are done as Normal, non-cacheable. */
    public boolean ptwnnc() {
        return has3(Idr3.PTWNNC);
    }

    /** CDs can turn the attributes of tables off (HAD). */
    public boolean hierarchicalAttributes() {
        return has3(Idr3.HAD);
    }

    /** TLB invalidation by range and level (RIL). */
    public boolean rangeInvalidation() {
        return has3(Idr3.RIL);
    }

    /** PRIVCFG and INSTCFG work. */
    public boolean attributePermissionsOverride() {
        return has1(Idr1.ATTR_PERMS_OVR);
    }

    /** MTCFG, MemAttr, ALLOCCFG and SHCFG work. */
    public boolean attributeTypesOverride() {
        return has1(Idr1.ATTR_TYPES_OVR);
    }

    /** log2 of the Command queue's largest size. */
    public int commandQueueBits() {
        return (int) Idr1.CMDQS.get(idr1);
    }

    /** log2 of the Event queue's largest size. */
    public int eventQueueBits() {
        return (int) Idr1.EVENTQS.get(idr1);
    }

    /** log2 of the PRI queue's largest size. */
    public int pageRequestQueueBits() {
        return (int) Idr1.PRIQS.get(idr1);
    }

    @Override
    public boolean execute() {
        return true;
    }

    @Override
    public boolean pageRequests() {
        return pri();
    }

    @Override
    public boolean privileged() {
        return true;
    }

    @Override
    public Map<String, Object> named() {
        var names = new LinkedHashMap<String, Object>();
        names.put("stage1", s1());
        names.put("stage2", s2());
        names.put("outputBits", outputBits());
        names.put("granules", granules());
        names.put("streamIdBits", sidBits());
        names.put("pasidBits", pasidBits());
        names.put("asid16", asid16());
        names.put("vmid16", vmid16());
        names.put("twoLevelStreamTable", twoLevelStreamTable());
        names.put("twoLevelCd", twoLevelCd());
        names.put("stallModel", NamedSmmuCapabilities.STALL_MODELS.get(stallModel()));
        names.put("termModel", termModel());
        names.put("httu", NamedSmmuCapabilities.HTTUS.get((int) Idr0.HTTU.get(idr0)));
        names.put("ats", ats());
        names.put("pri", pri());
        names.put("nestedAts", splitStageAts());
        names.put("hyp", hyp());
        names.put("msi", msi());
        names.put("sev", has0(Idr0.SEV));
        names.put("rangeInvalidation", rangeInvalidation());
        names.put("smallTables", smallTables());
        names.put("e0pd", e0pd());
        names.put("xnx", xnx());
        names.put("forceWriteBack", fwb());
        names.put("architectureMinor", minor());
        names.put("stallMax", stallMax());
        names.put("commandQueueBits", commandQueueBits());
        names.put("eventQueueBits", eventQueueBits());
        names.put("pageRequestQueueBits", pageRequestQueueBits());
        names.put("attributeOverride", attributePermissionsOverride() && attributeTypesOverride());
        return names;
    }

    private List<Long> granules() {
        var granules = new ArrayList<Long>();
        for (int shift = 12; shift <= 16; shift += 2) {
            if (hasGranule(shift)) {
                granules.add(1L << shift);
            }
        }
        return List.copyOf(granules);
    }

    @Override
    public SequencedMap<String, Long> registers() {
        var registers = new LinkedHashMap<String, Long>();
        registers.put("IDR0", idr0);
        registers.put("IDR1", idr1);
        registers.put("IDR2", idr2);
        registers.put("IDR3", idr3);
        registers.put("IDR4", 0L); // implementation defined
        registers.put("IDR5", idr5);
        registers.put("IIDR", 0L); // nobody's product
        registers.put("AIDR", aidr);
        return registers;
    }
}
