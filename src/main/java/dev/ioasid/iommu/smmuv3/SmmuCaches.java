package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.CacheEpoch;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.Iotlb;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.SetAssociativeCache;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What a unit remembers: STEs and CDs as they were fetched, valid or not, and translations. IHI 0070, section 3.17 and chapter 16: it
 * keeps all that may be kept, and forgets no more than a command says. Descriptors that lead to tables are not kept.
 *
 * <p>Any thread may call, see {@link SetAssociativeCache}.
 */
final class SmmuCaches {
    /** Pages of any granule, and what two stages of different granules make of them. */
    private static final int[] PAGE_SHIFTS = {12, 14, 16, 21, 25, 29, 30, 42};

    private static final long VALID = SetAssociativeCache.VALID;

    // what an entry of the STEs and CDs says of itself; of an STE also where its VMS is
    private static final long ILLEGAL = 1;
    private static final long HAS_VMS = 2;

    // who asks the TLB
    private static final int VMID_SHIFT = 20;
    private static final int WORLD_SHIFT = 36;
    private static final long ASID = 0xffff;
    private static final long GLOBAL = 1L << 16;
    private static final long ASET = 1L << 17;
    private static final long PRIVILEGED = 1L << 18;

    // how an entry of the TLB came about
    private static final int LEAF_SHIFT = 8;
    private static final int LEVEL_SHIFT = 16;

    private final CacheEpoch epoch = new CacheEpoch();
    private final SetAssociativeCache stes;
    private final SetAssociativeCache cds;
    private final Iotlb tlb;
    private final boolean none;
    private volatile boolean globals;

    SmmuCaches(SmmuCacheGeometries geometries) {
        this.stes = new SetAssociativeCache(geometries.ste(), 4, epoch);
        this.cds = new SetAssociativeCache(geometries.cd(), 4, epoch);
        this.tlb = new Iotlb(geometries.tlb(), epoch, PAGE_SHIFTS);
        this.none = !stes.exists() && !cds.exists() && !tlb.exists();
    }

    /** What whoever is going to fill asks for before it reads memory. */
    int epoch() {
        return epoch.now();
    }

    /** Whether nothing is ever kept. */
    boolean none() {
        return none;
    }

    // ---- STEs

    /** Whether an STE is kept, and then its first words; counted unless the transaction is dry. */
    boolean findSte(Transaction transaction) {
        if (!stes.exists()) {
            return false;
        }
        long found = stes.find(VALID | Integer.toUnsignedLong(transaction.streamId), 0);
        boolean hit = found != SetAssociativeCache.MISS;
        if (hit) {
            transaction.ste0 = stes.word(found, 0);
            transaction.ste1 = stes.word(found, 1);
            transaction.ste2 = stes.word(found, 2);
            transaction.ste3 = stes.word(found, 3);
            long tag = stes.tag(found);
            transaction.legal = (tag & ILLEGAL) == 0;
            transaction.vms = (tag & HAS_VMS) != 0 ? tag & ~(ILLEGAL | HAS_VMS) : StreamTable.NO_VMS;
            hit = stes.holds(found);
        }
        if (!transaction.isDry()) {
            stes.count(hit);
        }
        return hit;
    }

    void keepSte(int since, Transaction transaction) {
        long vms = transaction.vms == StreamTable.NO_VMS ? 0 : transaction.vms | HAS_VMS;
        stes.fill(
                since,
                VALID | Integer.toUnsignedLong(transaction.streamId),
                0,
                vms | (transaction.legal ? 0 : ILLEGAL),
                transaction.ste0,
                transaction.ste1,
                transaction.ste2,
                transaction.ste3);
    }

    // ---- CDs

    boolean findCd(Transaction transaction) {
        if (!cds.exists()) {
            return false;
        }
        long found = cds.find(VALID | Integer.toUnsignedLong(transaction.streamId), transaction.cdIndex);
        boolean hit = found != SetAssociativeCache.MISS;
        if (hit) {
            transaction.cd0 = cds.word(found, 0);
            transaction.cd1 = cds.word(found, 1);
            transaction.cd2 = cds.word(found, 2);
            transaction.legal = cds.tag(found) != ILLEGAL;
            boolean sameSte = cds.word(found, 3) == through(transaction);
            hit = cds.holds(found) && sameSte;
        }
        if (!transaction.isDry()) {
            cds.count(hit);
        }
        return hit;
    }

    void keepCd(int since, Transaction transaction) {
        cds.fill(
                since,
                VALID | Integer.toUnsignedLong(transaction.streamId),
                transaction.cdIndex,
                transaction.legal ? 0 : ILLEGAL,
                transaction.cd0,
                transaction.cd1,
                transaction.cd2,
                through(transaction));
    }

    /** What was said by the STE that a CD was found through: while a stream's are being forgotten, one may be new and the other old. */
    private static long through(Transaction transaction) {
        return transaction.ste0 ^ Long.rotateLeft(transaction.ste2, 23) ^ Long.rotateLeft(transaction.ste3, 43);
    }

    // ---- translations

    /** Who asks, for an address of stage 1. */
    static long who(StreamWorld world, int vmid, int asid, boolean aset, boolean privileged) {
        return asid
                | (long) vmid << VMID_SHIFT
                | (long) world.ordinal() << WORLD_SHIFT
                | (aset ? ASET : 0)
                | (privileged ? PRIVILEGED : 0);
    }

    /** Who asks, for an address of stage 2. */
    static long whoOfStage2(int vmid, boolean privileged) {
        return (long) vmid << VMID_SHIFT
                | (long) StreamWorld.STAGE_2.ordinal() << WORLD_SHIFT
                | (privileged ? PRIVILEGED : 0);
    }

    /** The same, whatever the ASID. */
    private static long anyAsid(long who) {
        return who & ~ASID | GLOBAL;
    }

    /** What is known of an address, see {@link Walked}; 0 for nothing. */
    long find(long who, long address, long need, boolean counted) {
        if (!tlb.exists()) {
            return 0;
        }
        long known = tlb.find(who, address, need);
        if (known == 0 && globals) {
            known = tlb.find(anyAsid(who), address, need);
        }
        if (counted) {
            tlb.count(known != 0);
        }
        return known;
    }

    /** Keeps what a walk has found. */
    void keep(int since, long who, Transaction transaction, long address, long walked) {
        boolean own = transaction.nonGlobal || world(who) == StreamWorld.STAGE_2 || world(who) == StreamWorld.EL2;
        if (!own) {
            globals = true;
        }
        long tag = transaction.granuleShift
                | (long) transaction.leafShift << LEAF_SHIFT
                | (long) (4 - transaction.leafLevel) << LEVEL_SHIFT;
        tlb.keep(since, own ? who : anyAsid(who), tag, address, walked);
    }

    private static StreamWorld world(long who) {
        return WORLDS[(int) (who >>> WORLD_SHIFT) & 3];
    }

    private static final StreamWorld[] WORLDS = StreamWorld.values();

    private static int vmid(long who) {
        return (int) (who >>> VMID_SHIFT) & 0xffff;
    }

    private static boolean isGlobal(long who) {
        return (who & GLOBAL) != 0;
    }

    // ---- what commands forget

    void forgetSte(int streamId) {
        forgetStes(streamId, streamId);
    }

    /** STEs, and all CDs that were found through them. */
    void forgetStes(int first, int last) {
        epoch.turn();
        stes.invalidate((key, index, tag) -> isAmong((int) key, first, last));
        cds.invalidate((key, index, tag) -> isAmong((int) key, first, last));
    }

    private static boolean isAmong(int streamId, int first, int last) {
        return Integer.compareUnsigned(streamId, first) >= 0 && Integer.compareUnsigned(streamId, last) <= 0;
    }

    void forgetCd(int streamId, int substreamId) {
        epoch.turn();
        cds.invalidate((key, index, tag) -> (int) key == streamId && index == substreamId);
    }

    void forgetCds(int streamId) {
        epoch.turn();
        cds.invalidate((key, index, tag) -> (int) key == streamId);
    }

    void forget(TlbInvalidation what, boolean e2h) {
        epoch.turn();
        tlb.invalidate((who, tag, page, shift) -> isMeant(what, who, e2h) && covers(what, tag, page, shift));
    }

    /** Whether entries of that world, VMID and ASID are to go. */
    private static boolean isMeant(TlbInvalidation what, long who, boolean e2h) {
        var world = world(who);
        boolean el1 = world == StreamWorld.EL1;
        boolean el2 = world == StreamWorld.EL2 || world == StreamWorld.EL2_E2H;
        boolean machine = ((vmid(who) ^ what.vmid()) & what.vmidMask()) == 0;
        boolean space = (who & ASID) == what.asid() && !isGlobal(who);
        return switch (what.scope()) {
            case NH_ALL, NH_VAA -> el1 && machine;
            case NH_ASID -> el1 && machine && space;
            case NH_VA -> el1 && machine && (space || isGlobal(who));
            case EL2_ALL, EL2_VAA -> el2;
            case EL2_ASID -> world == StreamWorld.EL2_E2H && space;
            case EL2_VA -> el2 && (!e2h || world == StreamWorld.EL2 || space || isGlobal(who));
            case S2_IPA -> world == StreamWorld.STAGE_2 && machine;
            case S12_VMALL -> !el2 && machine;
            case NSNH_ALL -> !el2;
        };
    }

    /** Whether the leaf that an entry comes from has an address that is meant: an entry may be a piece of it. */
    private static boolean covers(TlbInvalidation what, long tag, long page, int shift) {
        switch (what.scope()) {
            case NH_VA, NH_VAA, EL2_VA, EL2_VAA, S2_IPA -> {
                int granule = (int) tag & 0xff;
                int leaf = (int) (tag >>> LEAF_SHIFT) & 0xff;
                int level = (int) (tag >>> LEVEL_SHIFT) & 0xff;
                if (what.granule() != 0 && what.granule() != granule || what.level() != 0 && what.level() != level) {
                    return false;
                }
                long first = page & -1L << Math.max(leaf, shift);
                return Iotlb.meets(first, Math.max(leaf, shift), what.first(), what.last(), Long.SIZE);
            }
            default -> {
                return true;
            }
        }
    }

    // ---- for whoever looks

    List<CacheSummary> summaries() {
        return List.of(stes.summary("ste"), cds.summary("cd"), tlb.summary("tlb"));
    }

    /** Null if there is no cache of this name. */
    @Nullable
    List<CachedEntry> contents(String cache, IntFunction<Rid> requester) {
        return switch (cache) {
            case "ste" -> structures(stes, 4, false, requester);
            case "cd" -> structures(cds, 3, true, requester);
            case "tlb" -> translations();
            default -> null;
        };
    }

    private static List<CachedEntry> structures(
            SetAssociativeCache cache, int words, boolean indexed, IntFunction<Rid> requester) {
        var entries = new ArrayList<CachedEntry>();
        cache.forEach((set, way, key, index, tag, kept) -> {
            var copy = new ArrayList<Long>();
            for (int word = 0; word < words; word++) {
                copy.add(kept[word]);
            }
            entries.add(new CachedEntry(
                    set,
                    way,
                    requester.apply((int) key),
                    indexed ? Integer.valueOf((int) index) : null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    copy));
        });
        return entries;
    }

    private List<CachedEntry> translations() {
        var entries = new ArrayList<CachedEntry>();
        tlb.forEach((set, way, who, tag, page, shift, word) -> entries.add(new CachedEntry(
                set,
                way,
                null,
                null,
                vmid(who),
                page,
                1L << shift,
                (int) (tag >>> LEVEL_SHIFT) & 0xff,
                Iotlb.target(word),
                Iotlb.permissions(word),
                List.of())));
        return entries;
    }
}
