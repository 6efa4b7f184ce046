package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.CacheEpoch;
import dev.ioasid.iommu.CacheSummary;
import dev.ioasid.iommu.CachedEntry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Iotlb;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.SetAssociativeCache;
import dev.ioasid.pagetable.Levels512;
import dev.ioasid.pagetable.StructureCaches;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a unit remembers of the structures and tables it has read. VT-d 5.10, section 6.2.
 *
 * <pre>
 * cache                    found by                                  forgotten by
 * context                  source id                                 source id; in legacy mode the domain id as well
 * PASID                    source id, PASID                          domain id, PASID
 * first-stage structures   domain id, PASID, address                 domain id, PASID, address
 * second-stage structures  domain id, address                        domain id, address
 * IOTLB                    source id, PASID or none,           domain id, PASID, kind of table, address
 *                          privilege, address
 * </pre>
 *
 * <p>Only what was present and without fault is remembered; in caching mode (CAP.CM) also what was not, as a refusal with domain id 0,
 * but nothing of first stages. The IOTLB keeps nested translations as one, and a leaf that was not yet written to is good for
 * reads only.
 *
 * <p>Any thread may call; see {@link SetAssociativeCache} and {@link CacheEpoch} for why that is right.
 */
final class VtdCaches implements StructureCaches {
    static final String CONTEXT = "context-cache";
    static final String PASID = "pasid-cache";
    static final String FIRST_STAGE = "first-stage-paging-structure-cache";
    static final String SECOND_STAGE = "second-stage-paging-structure-cache";
    static final String IOTLB = "iotlb";

    private static final long VALID = SetAssociativeCache.VALID;
    private static final int PASID_BITS = 20;
    private static final int DOMAIN_BITS = 16;
    private static final long PASID_MASK = (1 << PASID_BITS) - 1;
    private static final long DOMAIN_MASK = (1 << DOMAIN_BITS) - 1;
    private static final long STRUCTURE_PREFIX = (1L << 45) - 1;
    private static final int STRUCTURE_LEVEL_SHIFT = 58;

    /** The least that tells addresses of a table apart: four levels. Which of five levels, copies do not say. */
    private static final int STRUCTURE_ADDRESS_BITS = 48;

    // tag of the IOTLB
    private static final int TYPE_SHIFT = PASID_BITS + DOMAIN_BITS;
    private static final long NEGATIVE = 1L << 40;
    private static final int BITS_SHIFT = 48;

    private final CacheEpoch epoch = new CacheEpoch();
    private final SetAssociativeCache context;
    private final SetAssociativeCache pasid;
    private final SetAssociativeCache firstStage;
    private final SetAssociativeCache secondStage;
    private final Iotlb iotlb;
    private final boolean any;

    VtdCaches(CacheGeometries geometries) {
        this.context = new SetAssociativeCache(geometries.context(), 3, epoch);
        this.pasid = new SetAssociativeCache(geometries.pasid(), 4, epoch);
        this.firstStage = new SetAssociativeCache(geometries.firstStage(), 1, epoch);
        this.secondStage = new SetAssociativeCache(geometries.secondStage(), 1, epoch);
        this.iotlb = new Iotlb(geometries.iotlb(), epoch, 12, 21, 30);
        this.any = context.exists() || pasid.exists() || firstStage.exists() || secondStage.exists() || iotlb.exists();
    }

    /** Whether anything is cached at all. */
    boolean any() {
        return any;
    }

    /** What fills want to have: to be read before the memory is. */
    int epoch() {
        return epoch.now();
    }

    SetAssociativeCache context() {
        return context;
    }

    SetAssociativeCache pasid() {
        return pasid;
    }

    // ---- context cache: two words of the entry, and the refusal that it stands for

    static long contextKey(int sourceId) {
        return VALID | sourceId;
    }

    void keepContext(int since, int sourceId, long translationMode, long word0, long word1, long refusal, int domain) {
        context.fill(since, contextKey(sourceId), translationMode, domain, word0, word1, refusal, 0);
    }

    // ---- PASID cache: three words of the entry, and the refusal that it stands for, or whether FPD is set above it

    static long pasidKey(int pasid) {
        return VALID | pasid;
    }

    void keepPasid(int since, int sourceId, int pasidNumber, long word0, long word1, long word2, long state) {
        int domain = Refusal.is(state) ? 0 : (int) PasidTableEntry.DID.get(word1);
        long tag = (long) domain << PASID_BITS | pasidNumber;
        pasid.fill(since, pasidKey(pasidNumber), sourceId, tag, word0, word1, word2, state);
    }

    // ---- paging-structure caches

    /** The tables that a request goes through, for {@link StructureCaches}. */
    static long whose(int since, long domain, long pasidNumber) {
        return (long) since << TYPE_SHIFT | domain << PASID_BITS | pasidNumber;
    }

    private static long structureKey(long input, int level) {
        return VALID | (long) level << STRUCTURE_LEVEL_SHIFT | input >>> Levels512.shift(level + 1) & STRUCTURE_PREFIX;
    }

    private static long structureOwner(TableFormat format, long whose) {
        long tag = whose & (1L << TYPE_SHIFT) - 1;
        return format.stage() == Walked.Stage.FIRST ? tag : tag & ~PASID_MASK;
    }

    private SetAssociativeCache structures(TableFormat format) {
        return format.stage() == Walked.Stage.FIRST ? firstStage : secondStage;
    }

    @Override
    public long deepest(TableFormat format, long whose, long input, boolean dry) {
        var cache = structures(format);
        long owner = structureOwner(format, whose);
        long copy = 0;
        for (int level = 1; level < format.levels() && copy == 0; level++) {
            copy = cache.single(structureKey(input, level), owner);
        }
        if (!dry) {
            cache.count(copy != 0);
        }
        return copy;
    }

    @Override
    public void keep(TableFormat format, long whose, long input, long copy) {
        long owner = structureOwner(format, whose);
        int since = (int) (whose >>> TYPE_SHIFT);
        long key = structureKey(input, StructureCaches.level(copy));
        structures(format).fill(since, key, owner, owner, copy, 0, 0, 0);
    }

    // ---- IOTLB

    private static long requester(int sourceId, int pasidNumber, boolean privileged) {
        return (long) sourceId << 22 | (long) (pasidNumber + 1) << 1 | (privileged ? 1 : 0);
    }

    /**
     * How a translation is forgotten.
     *
     * @param type PGTT of the PASID table entry; in legacy mode {@link PasidTableEntry#SECOND_STAGE}
     * @param bits addresses of its table are told apart by so many of their lowest bits
     */
    static long tag(int type, long domain, int pasidNumber, int bits) {
        return (long) bits << BITS_SHIFT | (long) type << TYPE_SHIFT | domain << PASID_BITS | pasidNumber;
    }

    /**
     * What the IOTLB says to a request: see {@link Walked}; a {@link Refusal}, in caching mode; or 0.
     *
     * @param need {@link Walked#READ} and {@link Walked#WRITE}: what the entry must be good for
     */
    long find(int sourceId, int pasidNumber, boolean privileged, long iova, long need) {
        return iotlb.find(requester(sourceId, pasidNumber, privileged), iova, need);
    }

    /** The domain of what {@link #find} finds. */
    int domain(int sourceId, int pasidNumber, boolean privileged, long iova) {
        return (int) (iotlb.tag(requester(sourceId, pasidNumber, privileged), iova) >>> PASID_BITS & DOMAIN_MASK);
    }

    void count(boolean hit) {
        iotlb.count(hit);
    }

    /** Keeps what a walk found, with {@link Walked#MARKED}. */
    void keep(int since, int sourceId, int pasidNumber, boolean privileged, long tag, long iova, long walked) {
        iotlb.keep(since, requester(sourceId, pasidNumber, privileged), tag, iova, walked);
    }

    /** Keeps, in caching mode, that a page is not there. It goes with its own domain and with domain 0. */
    void keepRefusal(int since, int sourceId, int pasidNumber, boolean privileged, long tag, long iova, long refusal) {
        iotlb.keepRefusal(since, requester(sourceId, pasidNumber, privileged), tag | NEGATIVE, iova, refusal);
    }

    // ---- invalidation, VT-d 5.10, 6.5.2; the table of which reaches what is in section 6.5.1

    /** Forgets everything. */
    void forgetAll() {
        epoch.turn();
        for (var cache : List.of(context, pasid, firstStage, secondStage)) {
            cache.invalidate((k0, k1, tag) -> true);
        }
        iotlb.invalidate((who, tag, page, shift) -> true);
    }

    void forgetContexts() {
        epoch.turn();
        context.invalidate((k0, k1, tag) -> true);
    }

    /** Of one domain: legacy mode only, since entries of scalable mode have none. */
    void forgetContextsOf(int domain) {
        epoch.turn();
        context.invalidate((k0, mode, tag) -> mode != Rtaddr.LEGACY || tag == domain);
    }

    /** @param mask bits of the source id that do not matter */
    void forgetContext(int sourceId, int mask) {
        epoch.turn();
        context.invalidate((k0, k1, tag) -> ((k0 ^ sourceId) & 0xffff & ~mask) == 0);
    }

    void forgetPasids() {
        epoch.turn();
        pasid.invalidate((k0, k1, tag) -> true);
    }

    void forgetPasidsOf(int domain) {
        epoch.turn();
        pasid.invalidate((k0, k1, tag) -> tag >>> PASID_BITS == domain);
    }

    void forgetPasid(int domain, int pasidNumber) {
        long doomed = (long) domain << PASID_BITS | pasidNumber;
        epoch.turn();
        pasid.invalidate((k0, k1, tag) -> tag == doomed);
    }

    /** Type 2, global. */
    void forgetTranslations() {
        epoch.turn();
        firstStage.invalidate((k0, k1, tag) -> true);
        secondStage.invalidate((k0, k1, tag) -> true);
        iotlb.invalidate((who, tag, page, shift) -> true);
    }

    /** Type 2, of a domain. */
    void forgetTranslationsOf(int domain) {
        epoch.turn();
        firstStage.invalidate((k0, k1, tag) -> tag >>> PASID_BITS == domain);
        secondStage.invalidate((k0, k1, tag) -> tag >>> PASID_BITS == domain);
        iotlb.invalidate((who, tag, page, shift) -> isOf(tag, domain));
    }

    /**
     * Type 2, of a domain's pages: second-stage translations by address, everything that a first stage has a part in by domain.
     *
     * @param leavesOnly entries that lead to tables have not changed
     */
    void forgetPages(int domain, long first, long last, boolean leavesOnly) {
        epoch.turn();
        firstStage.invalidate((k0, k1, tag) -> tag >>> PASID_BITS == domain);
        if (!leavesOnly) {
            secondStage.invalidate((k0, k1, tag) -> tag >>> PASID_BITS == domain && structureMeets(k0, first, last));
        }
        iotlb.invalidate((who, tag, page, shift) ->
                isOf(tag, domain) && (hasFirstStage(tag) || meets(tag, page, shift, first, last)));
    }

    /** Type 6, of a PASID. */
    void forgetPasidTranslations(int domain, int pasidNumber) {
        long doomed = (long) domain << PASID_BITS | pasidNumber;
        epoch.turn();
        firstStage.invalidate((k0, k1, tag) -> tag == doomed);
        iotlb.invalidate((who, tag, page, shift) -> isOf(tag, domain) && (tag & PASID_MASK) == pasidNumber);
    }

    /** Type 6, of a PASID's pages: only what a first stage has a part in. */
    void forgetPasidPages(int domain, int pasidNumber, long first, long last, boolean leavesOnly) {
        long doomed = (long) domain << PASID_BITS | pasidNumber;
        epoch.turn();
        if (!leavesOnly) {
            firstStage.invalidate((k0, k1, tag) -> tag == doomed && structureMeets(k0, first, last));
        }
        iotlb.invalidate((who, tag, page, shift) -> isOf(tag, domain)
                && (tag & PASID_MASK) == pasidNumber
                && hasFirstStage(tag)
                && meets(tag, page, shift, first, last));
    }

    private static boolean isOf(long tag, int domain) {
        return (tag >>> PASID_BITS & DOMAIN_MASK) == domain || domain == 0 && (tag & NEGATIVE) != 0;
    }

    private static int type(long tag) {
        return (int) (tag >>> TYPE_SHIFT) & 7;
    }

    private static boolean hasFirstStage(long tag) {
        return type(tag) == PasidTableEntry.FIRST_STAGE || type(tag) == PasidTableEntry.NESTED;
    }

    private static boolean meets(long tag, long page, int shift, long first, long last) {
        return Iotlb.meets(page, shift, first, last, (int) (tag >>> BITS_SHIFT));
    }

    private static boolean structureMeets(long key, long first, long last) {
        int shift = structureShift(key);
        return Iotlb.meets((key & STRUCTURE_PREFIX) << shift, shift, first, last, STRUCTURE_ADDRESS_BITS);
    }

    private static int structureShift(long key) {
        return Levels512.shift(((int) (key >>> STRUCTURE_LEVEL_SHIFT) & 7) + 1);
    }

    // ---- what is in them

    List<CacheSummary> summaries() {
        return List.of(
                context.summary(CONTEXT),
                pasid.summary(PASID),
                firstStage.summary(FIRST_STAGE),
                secondStage.summary(SECOND_STAGE),
                iotlb.summary(IOTLB));
    }

    /** Null if there is no cache of this name. */
    @Nullable
    List<CachedEntry> contents(String name) {
        var entries = new ArrayList<CachedEntry>();
        switch (name) {
            case CONTEXT ->
                context.forEach((set, way, k0, mode, tag, words) -> entries.add(new CachedEntry(
                        set,
                        way,
                        Rid.ofSourceId(0, (int) k0 & 0xffff),
                        null,
                        mode == Rtaddr.LEGACY ? Integer.valueOf((int) tag) : null,
                        null,
                        null,
                        null,
                        null,
                        null,
                        List.of(words[0], words[1]))));
            case PASID ->
                pasid.forEach((set, way, k0, k1, tag, words) -> entries.add(new CachedEntry(
                        set,
                        way,
                        Rid.ofSourceId(0, (int) k1),
                        (int) (k0 & PASID_MASK),
                        (int) (tag >>> PASID_BITS),
                        null,
                        null,
                        null,
                        null,
                        null,
                        List.of(words[0], words[1], words[2]))));
            case FIRST_STAGE ->
                firstStage.forEach((set, way, k0, k1, tag, words) ->
                        entries.add(structure(set, way, k0, tag, words[0], (int) (tag & PASID_MASK))));
            case SECOND_STAGE ->
                secondStage.forEach(
                        (set, way, k0, k1, tag, words) -> entries.add(structure(set, way, k0, tag, words[0], null)));
            case IOTLB ->
                iotlb.forEach((set, way, who, tag, page, shift, word) ->
                        entries.add(translation(set, way, who, tag, page, shift, word)));
            default -> {
                return null;
            }
        }
        return entries;
    }

    private static CachedEntry structure(
            int set, int way, long key, long tag, long copy, @Nullable Integer pasidNumber) {
        int shift = structureShift(key);
        return new CachedEntry(
                set,
                way,
                null,
                pasidNumber,
                (int) (tag >>> PASID_BITS & DOMAIN_MASK),
                (key & STRUCTURE_PREFIX) << shift,
                1L << shift,
                StructureCaches.level(copy) + 1,
                StructureCaches.table(copy),
                null,
                List.of());
    }

    private static CachedEntry translation(int set, int way, long who, long tag, long page, int shift, long word) {
        int asked = (int) (who >>> 1 & (1 << PASID_BITS + 1) - 1) - 1;
        boolean refusal = Refusal.is(word);
        return new CachedEntry(
                set,
                way,
                Rid.ofSourceId(0, (int) (who >>> 22)),
                asked == DmaRequest.NO_PASID ? null : Integer.valueOf(asked),
                (int) (tag >>> PASID_BITS & DOMAIN_MASK),
                page,
                1L << shift,
                null,
                refusal ? null : Long.valueOf(Iotlb.target(word)),
                refusal ? null : Iotlb.permissions(word),
                List.of());
    }
}
