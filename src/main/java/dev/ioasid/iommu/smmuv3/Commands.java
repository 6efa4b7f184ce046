package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.CommandFields.*;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.PageRequest;
import java.util.List;

/** Commands as software writes them, two words each. IHI 0070, chapter 4. */
final class Commands {
    /** Size of an ATC invalidation that means everything. */
    static final int EVERY_PAGE = 52;

    /** CS of CMD_SYNC: no signal. */
    private static final int NO_SIGNAL = 0;
    /** CS of CMD_SYNC: an interrupt. */
    private static final int INTERRUPT = 1;
    /** CS of CMD_SYNC: an event for processors that wait for one. */
    private static final int SEND_EVENT = 2;

    /** By number: what Resp of CMD_PRI_RESP says. */
    static final List<PageRequest.Response> RESPONSES =
            List.of(PageRequest.Response.FAILURE, PageRequest.Response.INVALID, PageRequest.Response.SUCCESS);

    private static final int PAGE_SHIFT = 12;

    private Commands() {}

    private static long[] command(CommandType type, long word0, long word1) {
        return new long[] {OPCODE.of(type.opcode()) | word0, word1};
    }

    private static long stream(int streamId) {
        return STREAMID.of(Integer.toUnsignedLong(streamId));
    }

    /** SSV and SubstreamID; nothing for {@link DmaRequest#NO_PASID}. */
    private static long substream(int substreamId) {
        return substreamId == DmaRequest.NO_PASID ? 0 : SSV.of(1) | SUBSTREAMID.of(substreamId);
    }

    private static long flag(boolean on) {
        return on ? 1 : 0;
    }

    static long[] prefetchConfig(int streamId, int substreamId) {
        return command(CommandType.PREFETCH_CONFIG, stream(streamId) | substream(substreamId), 0);
    }

    /** @param size log2 of the translations */
    static long[] prefetchAddress(int streamId, int substreamId, long address, int size) {
        return command(
                CommandType.PREFETCH_ADDR,
                stream(streamId) | substream(substreamId),
                PREFETCHES.of(size) | ADDRESS.address(address));
    }

    static long[] cfgiSte(int streamId, boolean leafOnly) {
        return command(CommandType.CFGI_STE, stream(streamId), LEAF.of(flag(leafOnly)));
    }

    /** @param range 0 to 30: {@code 2^(range + 1)} StreamIDs, the low bits of which do not count */
    static long[] cfgiSteRange(int streamId, int range) {
        return command(CommandType.CFGI_STE_RANGE, stream(streamId), RANGE.of(range));
    }

    static long[] cfgiAll() {
        return command(CommandType.CFGI_STE_RANGE, 0, RANGE.of(CommandType.ALL_STES));
    }

    /** @param substreamId 0 for the only CD of a stream */
    static long[] cfgiCd(int streamId, int substreamId, boolean leafOnly) {
        return command(CommandType.CFGI_CD, stream(streamId) | SUBSTREAMID.of(substreamId), LEAF.of(flag(leafOnly)));
    }

    static long[] cfgiCdAll(int streamId) {
        return command(CommandType.CFGI_CD_ALL, stream(streamId), 0);
    }

    static long[] tlbiNhAll(int vmid) {
        return command(CommandType.TLBI_NH_ALL, VMID.of(vmid), 0);
    }

    static long[] tlbiNhAsid(int vmid, int asid) {
        return command(CommandType.TLBI_NH_ASID, VMID.of(vmid) | ASID.of(asid), 0);
    }

    static long[] tlbiNhVa(int vmid, int asid, long address, TlbiRange range, boolean leafOnly) {
        return command(
                CommandType.TLBI_NH_VA,
                range.word0() | VMID.of(vmid) | ASID.of(asid),
                range.word1() | LEAF.of(flag(leafOnly)) | ADDRESS.address(address));
    }

    static long[] tlbiNhVaa(int vmid, long address, TlbiRange range, boolean leafOnly) {
        return command(
                CommandType.TLBI_NH_VAA,
                range.word0() | VMID.of(vmid),
                range.word1() | LEAF.of(flag(leafOnly)) | ADDRESS.address(address));
    }

    static long[] tlbiEl2All() {
        return command(CommandType.TLBI_EL2_ALL, 0, 0);
    }

    static long[] tlbiEl2Asid(int asid) {
        return command(CommandType.TLBI_EL2_ASID, ASID.of(asid), 0);
    }

    static long[] tlbiEl2Va(int asid, long address, TlbiRange range, boolean leafOnly) {
        return command(
                CommandType.TLBI_EL2_VA,
                range.word0() | ASID.of(asid),
                range.word1() | LEAF.of(flag(leafOnly)) | ADDRESS.address(address));
    }

    static long[] tlbiEl2Vaa(long address, TlbiRange range, boolean leafOnly) {
        return command(
                CommandType.TLBI_EL2_VAA,
                range.word0(),
                range.word1() | LEAF.of(flag(leafOnly)) | ADDRESS.address(address));
    }

    static long[] tlbiS12Vmall(int vmid) {
        return command(CommandType.TLBI_S12_VMALL, VMID.of(vmid), 0);
    }

    static long[] tlbiS2Ipa(int vmid, long ipa, TlbiRange range, boolean leafOnly) {
        return command(
                CommandType.TLBI_S2_IPA,
                range.word0() | VMID.of(vmid),
                range.word1() | LEAF.of(flag(leafOnly)) | IPA.address(ipa));
    }

    static long[] tlbiNsnhAll() {
        return command(CommandType.TLBI_NSNH_ALL, 0, 0);
    }

    /**
     * Has a device forget {@code 2^size} pages of 4 KiB.
     *
     * @param substreamId {@link DmaRequest#NO_PASID}: what it was answered to requests without PASID
     * @param global with a SubstreamID: what it was answered to requests of every PASID
     * @param size 0 to {@value #EVERY_PAGE}
     */
    static long[] atcInv(int streamId, int substreamId, boolean global, long address, int size) {
        return command(
                CommandType.ATC_INV,
                stream(streamId) | substream(substreamId) | GLOBAL.of(flag(global)),
                PAGES.of(size) | ADDRESS.address(address));
    }

    /** Has a device forget the smallest such block that holds {@code first..last}. */
    static long[] atcInvCovering(int streamId, int substreamId, long first, long last) {
        long differing = (first ^ last) >>> PAGE_SHIFT;
        int size = Long.SIZE - Long.numberOfLeadingZeros(differing);
        long address = size == EVERY_PAGE ? 0 : first & -1L << PAGE_SHIFT + size;
        return atcInv(streamId, substreamId, false, address, size);
    }

    /** @param response 0 failure, 1 invalid request, 2 success */
    static long[] priResp(int streamId, int substreamId, int group, int response) {
        return command(
                CommandType.PRI_RESP,
                stream(streamId) | substream(substreamId),
                PRGINDEX.of(group) | RESP.of(response));
    }

    static long[] retry(int streamId, int stag) {
        return command(CommandType.RESUME, stream(streamId) | AC.of(1), STAG.of(stag));
    }

    /** @param abort false: the transaction is completed as RAZ/WI */
    static long[] terminate(int streamId, int stag, boolean abort) {
        return command(CommandType.RESUME, stream(streamId) | AB.of(flag(abort)), STAG.of(stag));
    }

    static long[] stallTerm(int streamId) {
        return command(CommandType.STALL_TERM, stream(streamId), 0);
    }

    static long[] sync() {
        return command(CommandType.SYNC, CS.of(NO_SIGNAL), 0);
    }

    static long[] syncWithEvent() {
        return command(CommandType.SYNC, CS.of(SEND_EVENT), 0);
    }

    /**
     * A CMD_SYNC that says by a message when it is done.
     *
     * @param data 32 bits
     * @param address a multiple of 4; 0: no message
     * @param shareability 0 non-shareable, 2 outer, 3 inner
     * @param attributes as STE.MemAttr
     */
    static long[] syncWithMessage(long address, long data, int shareability, int attributes) {
        return command(
                CommandType.SYNC,
                CS.of(INTERRUPT) | MSH.of(shareability) | MSIATTR.of(attributes) | MSIDATA.of(data),
                MSIADDRESS.address(address));
    }
}
