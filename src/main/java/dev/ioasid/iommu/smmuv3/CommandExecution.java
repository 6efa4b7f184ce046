package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.CommandFields.*;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.iommu.smmuv3.TlbInvalidation.Scope;
import org.jspecify.annotations.Nullable;

/**
 * What each command does, and which ones are refused. Bits that no field of a command names are ignored. IHI 0070, chapter 4.
 *
 * <p>Not safe for several threads: {@link SmmuRegisters} calls under its lock. The caches it reaches may be in use at every moment.
 */
final class CommandExecution {
    private static final int RESERVED_SIGNAL = 3;
    private static final int INTERRUPT = 1;
    private static final int RESERVED_RESPONSE = 3;
    private static final int LARGEST_WILDCARD = 4;
    private static final int PAGE_SHIFT = 12;

    private final SmmuCapabilities capabilities;
    private final CommandEffects effects;
    private final UnitWrites writes;
    private final GlobalErrors errors;
    private boolean translating;
    private int vmidMask;
    private boolean silentDevice;
    private long messageAddress;
    private long messageData;

    CommandExecution(SmmuCapabilities capabilities, CommandEffects effects, UnitWrites writes, GlobalErrors errors) {
        this.capabilities = capabilities;
        this.effects = effects;
        this.writes = writes;
        this.errors = errors;
        setVmidWildcard(0);
    }

    /** Follows CR0.SMMUEN. */
    void setTranslating(boolean on) {
        translating = on;
    }

    /**
     * Follows CR0.VMW.
     *
     * @param bits of VMIDs that are ignored; 0 if it is more than 4
     */
    void setVmidWildcard(int bits) {
        int all = !capabilities.s2() ? 0 : capabilities.vmid16() ? 0xffff : 0xff;
        vmidMask = all & -1 << (bits > LARGEST_WILDCARD ? 0 : bits);
    }

    /** Does a command. Null: done, but for its {@link #signal}; otherwise nothing was. */
    @Nullable
    CommandError execute(long w0, long w1) {
        var type = CommandType.of(w0);
        if (type == null
                || !type.isOfferedBy(capabilities)
                || type.hasSecurity() && SSEC.isSet(w0)
                || type.hasRange() && range(w0, w1).isReserved()) {
            return CommandError.CERROR_ILL;
        }
        return switch (type) {
            case PREFETCH_CONFIG, PREFETCH_ADDR, CFGI_VMS_PIDM -> null; // nothing is fetched in advance, no VMS is kept
            case CFGI_STE, CFGI_STE_RANGE, CFGI_CD, CFGI_CD_ALL -> forgetConfiguration(type, w0, w1);
            case TLBI_NH_ALL -> forget(Scope.NH_ALL, w0);
            case TLBI_NH_ASID -> forget(Scope.NH_ASID, w0);
            case TLBI_NH_VA -> forgetPages(Scope.NH_VA, w0, w1, ADDRESS.address(w1));
            case TLBI_NH_VAA -> forgetPages(Scope.NH_VAA, w0, w1, ADDRESS.address(w1));
            case TLBI_EL2_ALL -> forget(Scope.EL2_ALL, w0);
            case TLBI_EL2_ASID -> forget(Scope.EL2_ASID, w0);
            case TLBI_EL2_VA -> forgetPages(Scope.EL2_VA, w0, w1, ADDRESS.address(w1));
            case TLBI_EL2_VAA -> forgetPages(Scope.EL2_VAA, w0, w1, ADDRESS.address(w1));
            case TLBI_S12_VMALL -> forget(Scope.S12_VMALL, w0);
            case TLBI_S2_IPA -> forgetPages(Scope.S2_IPA, w0, w1, IPA.address(w1));
            case TLBI_NSNH_ALL -> forget(Scope.NSNH_ALL, w0);
            case ATC_INV -> forgetAtc(w0, w1);
            case PRI_RESP -> respond(w0, w1);
            case RESUME, STALL_TERM -> resume(type, w0, w1);
            case SYNC -> sync(w0, w1);
        };
    }

    /** Sends the message that the last command asked for, if it did: the command has been consumed before. */
    void signal() {
        if (messageAddress != 0 && !writes.message(messageAddress, messageData)) {
            errors.raise(Gerror.MSI_CMDQ_ABT_ERR);
        }
        messageAddress = 0;
    }

    // ---- configuration

    private @Nullable CommandError forgetConfiguration(CommandType type, long w0, long w1) {
        int streamId = (int) STREAMID.get(w0);
        if (type == CommandType.CFGI_STE_RANGE) {
            int range = (int) RANGE.get(w1);
            boolean all = range == CommandType.ALL_STES;
            int within = all ? -1 : (2 << range) - 1;
            effects.forgetSteRange(streamId & ~within, streamId | within, all);
        } else if (isStream(streamId)) {
            int substreamId = (int) SUBSTREAMID.get(w0);
            boolean leafOnly = LEAF.isSet(w1);
            switch (type) {
                case CFGI_STE -> effects.forgetSte(streamId, leafOnly);
                case CFGI_CD -> {
                    if (isSubstream(substreamId)) {
                        effects.forgetCd(streamId, substreamId, leafOnly);
                    }
                }
                default -> effects.forgetCds(streamId);
            }
        }
        return null;
    }

    /** Whether the unit has such a StreamID; without, a command does nothing. */
    private boolean isStream(int streamId) {
        return Integer.toUnsignedLong(streamId) >>> capabilities.sidBits() == 0;
    }

    /** The same of a SubstreamID, or none. */
    private boolean isSubstream(int substreamId) {
        return substreamId == DmaRequest.NO_PASID || substreamId >>> capabilities.ssidBits() == 0;
    }

    /** The SubstreamID of a request to a device; {@link DmaRequest#NO_PASID} if it has none, or the unit has none. */
    private int pasid(long w0) {
        return SSV.isSet(w0) && capabilities.ssidBits() > 0 ? (int) SUBSTREAMID.get(w0) : DmaRequest.NO_PASID;
    }

    // ---- the TLB

    private TlbiRange range(long w0, long w1) {
        return capabilities.rangeInvalidation() ? TlbiRange.of(w0, w1) : TlbiRange.ONE_ADDRESS;
    }

    private @Nullable CommandError forget(Scope scope, long w0) {
        forgetTlb(scope, w0, 0, -1, TlbiRange.ONE_ADDRESS, false);
        return null;
    }

    private @Nullable CommandError forgetPages(Scope scope, long w0, long w1, long address) {
        var range = range(w0, w1);
        if (range.mayBeginAt(address)) {
            forgetTlb(scope, w0, address, range.last(address), range, LEAF.isSet(w1));
        } else {
            forget(scope, w0); // which addresses are meant is unpredictable
        }
        return null;
    }

    private void forgetTlb(Scope scope, long w0, long first, long last, TlbiRange range, boolean leafOnly) {
        boolean ofMachine = switch (scope) {
            case NH_ALL, NH_ASID, NH_VA, NH_VAA, S2_IPA, S12_VMALL -> true;
            case EL2_ALL, EL2_ASID, EL2_VA, EL2_VAA, NSNH_ALL -> false;
        };
        boolean ofSpace = switch (scope) {
            case NH_ASID, NH_VA, EL2_ASID, EL2_VA -> true;
            case NH_ALL, NH_VAA, S2_IPA, S12_VMALL, EL2_ALL, EL2_VAA, NSNH_ALL -> false;
        };
        int mask = ofMachine ? vmidMask : 0;
        effects.forgetTlb(new TlbInvalidation(
                scope,
                (int) VMID.get(w0) & mask,
                mask,
                ofSpace ? (int) ASID.get(w0) & (capabilities.asid16() ? 0xffff : 0xff) : 0,
                first,
                last,
                range.granule(),
                range.level(),
                leafOnly));
    }

    // ---- devices

    private @Nullable CommandError forgetAtc(long w0, long w1) {
        int size = (int) PAGES.get(w1);
        if (size > Commands.EVERY_PAGE) {
            return CommandError.CERROR_ILL;
        }
        int streamId = (int) STREAMID.get(w0);
        int pasid = pasid(w0);
        if (translating && isStream(streamId) && isSubstream(pasid)) {
            long within = size == Commands.EVERY_PAGE ? -1 : (1L << PAGE_SHIFT + size) - 1;
            long first = ADDRESS.address(w1) & ~within;
            boolean global = pasid != DmaRequest.NO_PASID && GLOBAL.isSet(w0);
            silentDevice |= !effects.forgetAtc(streamId, pasid, global, first, first | within);
        }
        return null;
    }

    private @Nullable CommandError respond(long w0, long w1) {
        int response = (int) RESP.get(w1);
        if (response == RESERVED_RESPONSE) {
            return CommandError.CERROR_ILL;
        }
        int streamId = (int) STREAMID.get(w0);
        int pasid = pasid(w0);
        if (translating && isStream(streamId) && isSubstream(pasid)) {
            effects.respond(streamId, pasid, (int) PRGINDEX.get(w1), response);
        }
        return null;
    }

    private @Nullable CommandError resume(CommandType type, long w0, long w1) {
        int streamId = (int) STREAMID.get(w0);
        if (isStream(streamId)) {
            if (type == CommandType.STALL_TERM) {
                effects.terminateStalls(streamId);
            } else {
                boolean retry = AC.isSet(w0);
                boolean abort = !retry && (AB.isSet(w0) || capabilities.termModel());
                effects.resume(streamId, (int) STAG.get(w1), retry, abort);
            }
        }
        return null;
    }

    // ---- completion

    private @Nullable CommandError sync(long w0, long w1) {
        int signal = (int) CS.get(w0);
        if (signal == RESERVED_SIGNAL) {
            return CommandError.CERROR_ILL;
        }
        if (silentDevice) {
            silentDevice = false; // it is given up: the same CMD_SYNC can be completed later
            return CommandError.CERROR_ATC_INV_SYNC;
        }
        if (signal == INTERRUPT && capabilities.msi()) {
            messageAddress = MSIADDRESS.address(w1);
            messageData = MSIDATA.get(w0);
        }
        return null;
    }
}
