package dev.ioasid.iommu.smmuv3;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Capabilities of an SMMUv3 by name, as a user asks for them. Null stands for what a current server of that architecture version has,
 * as far as the other capabilities allow it.
 *
 * @param stage1 translation by CDs; at least one stage is needed
 * @param stage2 translation by STEs
 * @param outputBits addresses put out: 32, 36, 40, 42, 44, 48 or 52 bits; 52 only with the 64 KiB granule
 * @param granules of tables: any of 0x1000, 0x4000 and 0x10000
 * @param streamIdBits 0 to 32; from 7 on there must be two-level Stream tables
 * @param pasidBits SubstreamIDs, 0 to 20; needs {@code stage1}
 * @param asid16 ASIDs of 16 bits, not 8
 * @param vmid16 VMIDs of 16 bits, not 8
 * @param twoLevelStreamTable in addition to the linear one
 * @param twoLevelCd two-level tables of CDs, in addition to the linear one
 * @param stallModel {@code both}, {@code terminate-only} or {@code stall-only}
 * @param termModel a terminated transaction is always aborted, never completed as RAZ/WI
 * @param httu what hardware sets in descriptors: {@code none}, {@code access} flags, or {@code dirty} state too
 * @param ats PCIe ATS
 * @param pri PCIe PRI; needs {@code ats}
 * @param nestedAts split-stage ATS; needs {@code ats} and both stages
 * @param hyp EL2 streams; needs both stages
 * @param msi interrupts are messages
 * @param sev CMD_SYNC can send events to processors
 * @param rangeInvalidation TLB invalidation by range and level (RIL)
 * @param smallTables tables of few entries (STT)
 * @param e0pd a half of the address space can be kept from unprivileged accesses
 * @param xnx stage 2 tells EL0's execution from EL1's
 * @param forceWriteBack stage 2 can decide the memory type (FWB)
 * @param architectureMinor 1 to 3: SMMUv3.1 to SMMUv3.3
 * @param stallMax transactions that can be stalled at a time, 0 to 65535; 0 if {@code stallModel} is {@code terminate-only}
 * @param commandQueueBits log2 of the Command queue's largest size, 0 to 19
 * @param eventQueueBits log2 of the Event queue's largest size, 0 to 19
 * @param pageRequestQueueBits log2 of the PRI queue's largest size, 0 to 19
 * @param attributeOverride STEs can override the attributes of transactions
 */
public record SmmuNames(
        @Nullable Boolean stage1,
        @Nullable Boolean stage2,
        @Nullable Integer outputBits,
        @Nullable List<Long> granules,
        @Nullable Integer streamIdBits,
        @Nullable Integer pasidBits,
        @Nullable Boolean asid16,
        @Nullable Boolean vmid16,
        @Nullable Boolean twoLevelStreamTable,
        @Nullable Boolean twoLevelCd,
        @Nullable String stallModel,
        @Nullable Boolean termModel,
        @Nullable String httu,
        @Nullable Boolean ats,
        @Nullable Boolean pri,
        @Nullable Boolean nestedAts,
        @Nullable Boolean hyp,
        @Nullable Boolean msi,
        @Nullable Boolean sev,
        @Nullable Boolean rangeInvalidation,
        @Nullable Boolean smallTables,
        @Nullable Boolean e0pd,
        @Nullable Boolean xnx,
        @Nullable Boolean forceWriteBack,
        @Nullable Integer architectureMinor,
        @Nullable Integer stallMax,
        @Nullable Integer commandQueueBits,
        @Nullable Integer eventQueueBits,
        @Nullable Integer pageRequestQueueBits,
        @Nullable Boolean attributeOverride) {

    /** Everything as a current server has it. */
    public static final SmmuNames CURRENT_SERVER = new SmmuNames(
            null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
            null, null, null, null, null, null, null, null, null, null, null, null);
}
