package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.StraightFirstStage;
import dev.ioasid.pagetable.StraightWalk;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The short way of a request that tables will translate: the structures are read one after the other, and judged together.
 * Whatever is the least unusual is {@link #UNDECIDED}, and {@link VtdTranslation} finds out what it is.
 *
 * <p>Holds nothing that changes; any thread may call, and nothing is allocated. Of an entry of several words the first is read
 * first: it says that the others are filled.
 */
final class StraightTranslation {
    static final long UNDECIDED = StraightWalk.UNDECIDED;

    private static final long PRESENT = 1;
    private static final int REQUEST = PageWalk.READ | PageWalk.WRITE;
    private static final long MODE = VtdRegisters.ENABLED | Rtaddr.TTM.mask() | Rtaddr.SSIRWE.mask();
    private static final long SCALABLE = VtdRegisters.ENABLED | Rtaddr.TTM.of(Rtaddr.SCALABLE);
    private static final long LEGACY = VtdRegisters.ENABLED | Rtaddr.TTM.of(Rtaddr.LEGACY);

    private final PhysicalMemory memory;
    private final long linkBeyondMemory;
    // fields of their own: each is needed by every request
    private final long reservedInRoot;
    private final long reservedInContext0;
    private final long oddInContext1;
    private final long reservedInDirectory;
    private final long reservedInEntry0;
    private final long reservedInEntry1;
    private final long reservedInEntry2;
    private final long reservedInLegacy0;
    private final long reservedInLegacy1;
    private final boolean scalable;
    private final boolean allRequests;
    private final int pasidBits;
    private final boolean firstAlone;
    private final boolean secondAlone;
    private final boolean nesting;
    /** By AW, and by FSPM; null where the unit has no such table. */
    private final @Nullable StraightWalk[] secondStage = new StraightWalk[(int) PasidTableEntry.AW.get(-1) + 1];

    private final @Nullable StraightFirstStage[] firstStage =
            new StraightFirstStage[(int) PasidTableEntry.FSPM.get(-1) + 1];

    StraightTranslation(
            PhysicalMemory memory, VtdCapabilities capabilities, VtdFormats formats, ReservedBits reserved) {
        this.memory = memory;
        this.linkBeyondMemory = ~memory.fold() & -PhysicalMemory.PAGE_SIZE;
        this.reservedInRoot = reserved.root();
        this.reservedInContext0 = reserved.context0();
        this.oddInContext1 = reserved.context1() | ScalableContextEntry.RID_PRIV.mask();
        this.reservedInDirectory = reserved.directory();
        this.reservedInEntry0 = reserved.pasidEntry0();
        this.reservedInEntry1 = reserved.pasidEntry1();
        this.reservedInEntry2 = reserved.pasidEntry2();
        this.reservedInLegacy0 = reserved.legacyContext0();
        this.reservedInLegacy1 = reserved.legacyContext1();
        this.scalable = capabilities.scalable();
        this.allRequests = capabilities.has(Ecap.DT);
        this.pasidBits = capabilities.pasidBits();
        this.firstAlone = capabilities.has(Ecap.FSTS);
        this.secondAlone = capabilities.has(Ecap.SSTS);
        this.nesting = capabilities.has(Ecap.NEST);
        for (int width = 0; width < secondStage.length; width++) {
            var format = formats.secondStage(width, false);
            if (format != null) {
                secondStage[width] = new StraightWalk(memory, format, capabilities.secondStageBits(format.levels()));
            }
        }
        for (int mode = 0; mode < firstStage.length; mode++) {
            var format = formats.firstStage(mode);
            firstStage[mode] = format == null ? null : new StraightFirstStage(memory, format);
        }
    }

    /** As {@link VtdTranslation#of}, or {@link #UNDECIDED}. */
    long of(long mode, int sourceId, int pasid, long iova, int how) {
        if ((how & ~REQUEST) != 0 || PageWalk.isInterrupt(iova) || memory.isPoisoned()) {
            return UNDECIDED;
        }
        if ((mode & MODE) == SCALABLE && scalable) {
            return scalable(mode, sourceId, pasid, iova, how);
        }
        return (mode & MODE) == LEGACY && pasid == DmaRequest.NO_PASID ? legacy(mode, sourceId, iova, how) : UNDECIDED;
    }

    /** First goes down to the PASID table entry by the word of each structure that leads on, then looks at all the rest. */
    private long scalable(long mode, int sourceId, int pasid, long iova, int how) {
        long root = memory.entry(mode, ScalableRootEntry.half(0, sourceId));
        long context = ScalableContextEntry.address(0, sourceId);
        long c0 = memory.entry(root, context);
        int chosen = pasid != DmaRequest.NO_PASID ? pasid : ridPasid(root, context);
        long link = PasidDirectoryEntry.address(ScalableContextEntry.PASIDDIRPTR.address(c0), chosen);
        long directory = memory.folded(link);
        long entry = PasidTableEntry.address(0, chosen);
        long w0 = memory.entry(directory, entry);
        VarHandle.loadLoadFence();
        long bad = (mode | root | link | directory) & linkBeyondMemory
                | root & reservedInRoot
                | c0 & reservedInContext0
                | directory & reservedInDirectory
                | ~(root & c0 & directory) & PRESENT
                | badContext(c0, root, context, pasid)
                | badEntry(w0, directory, entry);
        return bad == 0 ? byEntry(w0, directory, entry, iova, how) : UNDECIDED;
    }

    private int ridPasid(long root, long context) {
        VarHandle.loadLoadFence();
        return (int) ScalableContextEntry.RID_PASID.get(memory.entry(root, context + 8));
    }

    private long badContext(long c0, long root, long context, int pasid) {
        long c1 = memory.entry(root, context + 8);
        int reach = ScalableContextEntry.pasidBits(c0);
        int ridPasid = (int) ScalableContextEntry.RID_PASID.get(c1);
        boolean tagged = pasid != DmaRequest.NO_PASID;
        boolean allowed = !tagged
                || ScalableContextEntry.PASIDE.isSet(c0)
                        && pasid >>> pasidBits == 0
                        && pasid >>> reach == 0
                        && pasid != ridPasid;
        boolean odd = ScalableContextEntry.PRE.isSet(c0) && !ScalableContextEntry.DTE.isSet(c0);
        return allowed && !odd
                ? ridPasid >>> reach
                        | c1 & oddInContext1
                        | memory.entry(root, context + 16)
                        | memory.entry(root, context + 24)
                : 1;
    }

    private long badEntry(long w0, long table, long entry) {
        return w0 & reservedInEntry0
                | memory.entry(table, entry + 8) & reservedInEntry1
                | memory.entry(table, entry + 16) & reservedInEntry2
                | memory.entry(table, entry + 24)
                | memory.entry(table, entry + 32)
                | memory.entry(table, entry + 40)
                | memory.entry(table, entry + 48)
                | memory.entry(table, entry + 56)
                | ~w0 & PRESENT;
    }

    private long byEntry(long w0, long table, long entry, long iova, int how) {
        int type = (int) PasidTableEntry.PGTT.get(w0);
        var second = secondStage[(int) PasidTableEntry.AW.get(w0)];
        long secondRoot = PasidTableEntry.SSPTPTR.address(w0);
        int secondHow = PasidTableEntry.SSADE.isSet(w0) ? PageWalk.ACCESSED_DIRTY : 0;
        if (type == PasidTableEntry.SECOND_STAGE) {
            return second != null && secondAlone ? second.walk(secondRoot, iova, how | secondHow) : UNDECIDED;
        }
        boolean nested = type == PasidTableEntry.NESTED;
        long w2 = memory.entry(table, entry + 16);
        var first = firstStage[(int) PasidTableEntry.FSPM.get(w2)];
        if (first == null
                || (nested ? second == null || !nesting : type != PasidTableEntry.FIRST_STAGE || !firstAlone)) {
            return UNDECIDED;
        }
        int firstHow = how | (PasidTableEntry.EAFE.isSet(w2) ? PageWalk.EXTENDED_ACCESSED : 0);
        long firstRoot = PasidTableEntry.FSPTPTR.address(w2);
        return first.walk(firstRoot, iova, firstHow, nested ? second : null, secondRoot, secondHow);
    }

    private long legacy(long mode, int sourceId, long iova, int how) {
        long rootAt = (long) (sourceId >>> 8) * RootEntry.SIZE;
        long root = memory.entry(mode, rootAt);
        long at = (sourceId & 0xffL) * ContextEntry.SIZE;
        long c0 = memory.entry(root, at);
        VarHandle.loadLoadFence();
        long c1 = memory.entry(root, at + 8);
        long bad = (mode | root) & linkBeyondMemory
                | root & reservedInRoot
                | memory.entry(mode, rootAt + 8)
                | c0 & reservedInLegacy0
                | c1 & reservedInLegacy1
                | ~(root & c0) & PRESENT;
        long type = ContextEntry.TT.get(c0);
        var second = secondStage[(int) ContextEntry.AW.get(c1)];
        boolean straight = bad == 0
                && second != null
                && (type == ContextEntry.UNTRANSLATED_ONLY || type == ContextEntry.ALL_REQUESTS && allRequests);
        return straight ? second.walk(ContextEntry.SSPTPTR.address(c0), iova, how) : UNDECIDED;
    }
}
