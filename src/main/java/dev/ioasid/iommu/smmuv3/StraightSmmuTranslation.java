package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.memory.BitField;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.StraightVmsa;
import dev.ioasid.pagetable.StraightWalk;
import dev.ioasid.pagetable.Walked;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The short way of a plain data access, in the lower half, that tables will translate: STE and CD are judged by masks. Whatever is the least unusual is
 * {@link #UNDECIDED}, and {@link SmmuTranslation} finds out what it is.
 *
 * <p>Any thread may call, and nothing is allocated but what is known of a kind of tables, once. Of a structure of several words the
 * first is read first: it says that the others are filled.
 */
final class StraightSmmuTranslation {
    static final long UNDECIDED = StraightWalk.UNDECIDED;

    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE;
    private static final int HALF = 55;
    private static final long KIND = Ste.V.mask() | Ste.CONFIG.mask();
    private static final long STAGE_1 = Ste.V.mask() | Ste.CONFIG.of(Ste.STAGE_1);
    private static final long STAGE_2 = Ste.V.mask() | Ste.CONFIG.of(Ste.STAGE_2);
    private static final long NESTED = Ste.V.mask() | Ste.CONFIG.of(Ste.NESTED);
    private static final long VMID8 = Ste.S2VMID.of(0xff00);
    private static final long ASID8 = Cd.ASID.of(0xff00);

    // what tables depend on: S2T0SZ and S2SL0, S2TG and S2PS; T0SZ and TG0, IPS
    private static final int SECOND_KINDS = 1 << 13;
    private static final int FIRST_KINDS = 1 << 11;

    /** Tables of one kind: how they are walked, and what the address of the first must not have. */
    private record Tables(StraightVmsa walk, long beyondRoot) {}

    private final PhysicalMemory memory;
    private final SteChecks stes;
    private final CdChecks checks;
    private final SmmuFormats formats;
    private final SecondStage secondStage;
    private final SmmuCapabilities capabilities;
    private final AtomicReferenceArray<@Nullable Tables> secondStages = new AtomicReferenceArray<>(SECOND_KINDS);
    private final AtomicReferenceArray<@Nullable Tables> firstStages = new AtomicReferenceArray<>(FIRST_KINDS);

    // fields of their own: each is needed by every transaction
    private final boolean stage1;
    private final boolean stage2;
    private final int ssidBits;
    private final long beyond;
    private final long oddInSte1;
    private final long oddInSte2;
    private final long secondCare;
    private final long secondWant;
    private final long cdCare;
    private final long cdWant;
    private final long oddInCd1;
    private final boolean linearCdsOnly;

    StraightSmmuTranslation(PhysicalMemory memory, SmmuCapabilities capabilities) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.stes = new SteChecks(capabilities);
        this.checks = new CdChecks(capabilities);
        this.formats = new SmmuFormats(capabilities);
        this.secondStage = new SecondStage(memory, capabilities, formats);
        this.stage1 = capabilities.s1();
        this.stage2 = capabilities.s2();
        this.ssidBits = capabilities.ssidBits();
        this.linearCdsOnly = !capabilities.twoLevelCd();
        this.beyond = ~memory.fold() & -Long.BYTES | capabilities.beyondOutput();
        boolean stallsAreKept = capabilities.stallModel() == 0;
        this.oddInSte1 = Ste.EATS.of(Ste.EATS_SPLIT)
                | Ste.STRW.mask()
                | Ste.PRIVCFG.of(Ste.UNPRIVILEGED)
                | Ste.INSTCFG.of(Ste.DATA)
                | (stallsAreKept ? 0 : Ste.S1STALLD.mask())
                | (capabilities.has3(Idr3.MPAM) ? Ste.S1MPAM.mask() : 0);
        this.oddInSte2 = capabilities.vmid16() ? 0 : VMID8;
        this.secondWant = Ste.S2AA64.mask() | stalls(Ste.S2S);
        this.secondCare = Ste.S2AA64.mask()
                | Ste.S2ENDI.mask()
                | marks(Ste.S2HA, Ste.S2HD)
                | (stallsAreKept ? 0 : Ste.S2S.mask());
        this.cdWant = Cd.V.mask()
                | Cd.AA64.mask()
                | Cd.EPD1.mask()
                | stalls(Cd.S)
                | (capabilities.termModel() ? Cd.A.mask() : 0);
        this.cdCare = Cd.V.mask()
                | Cd.AA64.mask()
                | Cd.EPD0.mask()
                | Cd.EPD1.mask()
                | Cd.ENDI.mask()
                | Cd.WXN.mask()
                | marks(Cd.HA, Cd.HD)
                | (stallsAreKept ? 0 : Cd.S.mask())
                | (capabilities.termModel() ? Cd.A.mask() : 0)
                | (capabilities.asid16() ? 0 : ASID8);
        this.oddInCd1 = capabilities.e0pd() ? Cd.E0PD0.mask() : 0;
    }

    private long stalls(BitField stalls) {
        return capabilities.stallModel() == SmmuCapabilities.STALL_ONLY ? stalls.mask() : 0;
    }

    /** Those of the two that must not be set. */
    private long marks(BitField accessed, BitField dirty) {
        return (capabilities.httuAccess() ? 0 : accessed.mask()) | (capabilities.httuDirty() ? 0 : dirty.mask());
    }

    /** As {@link SmmuTranslation#of}, or {@link #UNDECIDED}. */
    long of(SmmuState state, int streamId, int substreamId, long address, int how) {
        if ((how & ~REQUEST) != 0 || !state.enabled() || (address >>> HALF & 1) != 0 || memory.isPoisoned()) {
            return UNDECIDED;
        }
        long stream = Integer.toUnsignedLong(streamId);
        long at = state.strtabBase() + stream * Ste.SIZE;
        long bad = stream >>> state.streamBits();
        if (state.twoLevel()) {
            int split = state.split();
            long link = state.strtabBase() + (stream >>> split) * StreamTableDescriptor.SIZE;
            long descriptor = memory.folded(link);
            long span = StreamTableDescriptor.SPAN.get(descriptor);
            long index = stream & (1L << split) - 1;
            // none, or too large, or too small
            bad |= link & beyond | span - 1 & ~0xfL | split + 1 - span & ~0xfL | index >>> span - 1;
            at = (StreamTableDescriptor.L2PTR.address(descriptor) & -((long) Ste.SIZE << span - 1)) + index * Ste.SIZE;
        }
        long w0 = memory.folded(at);
        VarHandle.loadLoadFence();
        long w1 = memory.folded(at + 8);
        long w2 = memory.folded(at + 16);
        bad |= at & beyond | w1 & oddInSte1;
        if (bad != 0) {
            return UNDECIDED;
        }
        if ((w0 & KIND) == STAGE_1) {
            boolean odd = !stage1 || stage2 && (w2 & oddInSte2) != 0;
            return odd ? UNDECIDED : byCd(w0, w1, substreamId, address, how, null, 0, 0);
        }
        if (!stage2 || isOdd(w1, w2)) {
            return UNDECIDED;
        }
        var tables = secondStage(w2);
        long root = Ste.S2TTB.address(memory.folded(at + 24));
        if (tables == null || (root & tables.beyondRoot) != 0) {
            return UNDECIDED;
        }
        root &= -tables.walk.format().rootAlignment();
        int secondHow = secondStage.how(w1, w2, how);
        if ((w0 & KIND) == NESTED && stage1) {
            return byCd(w0, w1, substreamId, address, how, tables.walk, root, secondHow);
        }
        boolean alone = (w0 & KIND) == STAGE_2 && substreamId == DmaRequest.NO_PASID;
        return alone ? tables.walk.walk(memory, root, address, how | secondHow) : UNDECIDED;
    }

    /** Whether a second stage is none that the unit takes, or an unusual one. */
    private boolean isOdd(long w1, long w2) {
        long stallsWithAts = w1 >>> Ste.EATS.low() & w2 >>> Ste.S2S.low() & 1;
        return ((w2 ^ secondWant) & secondCare | w2 & oddInSte2 | stallsWithAts) != 0;
    }

    private @Nullable Tables secondStage(long w2) {
        int kind = (int) (w2 >>> Ste.S2T0SZ.low() & 0xff | (w2 >>> Ste.S2TG.low() & 0x1f) << 8);
        var known = secondStages.getPlain(kind);
        if (known == null && stes.hasTables(w2)) {
            known = new Tables(secondStage.format(w2), stes.beyondRoot(w2));
            secondStages.set(kind, known);
        }
        return known;
    }

    private long byCd(
            long w0,
            long w1,
            int substreamId,
            long address,
            int how,
            @Nullable StraightVmsa parent,
            long parentRoot,
            int parentHow) {
        int most = (int) Ste.S1CDMAX.get(w0);
        long format = Ste.S1FMT.get(w0);
        boolean tagged = substreamId != DmaRequest.NO_PASID;
        boolean zero = most != 0 && Ste.S1DSS.get(w1) == Ste.DSS_SUBSTREAM_0;
        boolean twoLevel = most != 0 && format != Ste.LINEAR;
        boolean odd = tagged ? most == 0 || zero && substreamId == 0 : most != 0 && !zero;
        int index = tagged ? substreamId : 0;
        if (odd || most > ssidBits || index >>> most != 0 || twoLevel && (linearCdsOnly || format == 3)) {
            return UNDECIDED;
        }
        long pointer = Ste.S1CONTEXTPTR.address(w0);
        long at = (pointer & -((long) Cd.SIZE << most)) + (long) index * Cd.SIZE;
        long bad = 0;
        if (twoLevel) {
            int split = format == Ste.TWO_LEVEL_4K ? 6 : 10;
            long size = Math.max((long) L1Cd.SIZE << most >> split, Cd.SIZE);
            long link = (pointer & -size) + (long) (index >>> split) * L1Cd.SIZE;
            long where = where(link, parent, parentRoot, parentHow);
            long descriptor = memory.folded(where);
            bad = where & beyond | ~descriptor & L1Cd.V.mask();
            at = (L1Cd.L2PTR.address(descriptor) & -((long) Cd.SIZE << split))
                    + (long) (index & (1 << split) - 1) * Cd.SIZE;
        }
        at = where(at, parent, parentRoot, parentHow);
        long c0 = memory.folded(at);
        VarHandle.loadLoadFence();
        long c1 = memory.folded(at + 8);
        long stallsAreOff = w1 >>> Ste.S1STALLD.low() & c0 >>> Cd.S.low() & 1;
        bad |= at & beyond | (c0 ^ cdWant) & cdCare | c1 & oddInCd1 | stallsAreOff;
        var tables = firstStage(c0);
        long root = Cd.TTB0.get(c1) << 4;
        if (bad != 0 || tables == null || (root & tables.beyondRoot) != 0) {
            return UNDECIDED;
        }
        root &= -tables.walk.format().rootAlignment();
        int firstHow = SmmuTranslation.walkedHow(c0, Cd.HAD0.isSet(c1), how, false);
        long input = Cd.TBI0.isSet(c0) ? SmmuTranslation.withoutTopByte(address, false) : address;
        return parent == null
                ? tables.walk.walk(memory, root, input, firstHow)
                : tables.walk.walk(memory, root, input, firstHow, parent, parentRoot, parentHow);
    }

    /** Where a structure is, after the second stage if there is one; beyond memory if the way to it is not straight. */
    private long where(long address, @Nullable StraightVmsa parent, long parentRoot, int parentHow) {
        if (parent == null) {
            return address;
        }
        long walked = parent.walk(memory, parentRoot, address, parentHow | PageWalk.READ);
        return walked == UNDECIDED ? -Long.BYTES : Walked.address(walked);
    }

    private @Nullable Tables firstStage(long c0) {
        int kind = (int) (c0 & 0xff | Cd.IPS.get(c0) << 8);
        var known = firstStages.getPlain(kind);
        if (known == null && checks.hasLowerTables(c0)) {
            known = new Tables(formats.lower(c0), checks.beyondLowerRoot(c0));
            firstStages.set(kind, known);
        }
        return known;
    }
}
