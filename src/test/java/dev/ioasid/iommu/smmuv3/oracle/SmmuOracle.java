package dev.ioasid.iommu.smmuv3.oracle;

import dev.ioasid.iommu.Access;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Translates one untranslated request as the SMMUv3 architecture says, versions 3.1 to 3.3, Non-secure, VMSAv8-64: stream table,
 * context descriptors, stage 1, stage 2, nested and bypassed. Every bit is written where the specification has it, counted over the
 * whole structure; nothing is shared with the code under test. No cache, no queue: an event that is recorded has room.
 *
 * <p>An instance answers one request and is then done.
 */
public final class SmmuOracle {
    // CLASS of an event: what the address was for
    private static final int CD = 0;
    private static final int TT = 1;
    private static final int IN = 2;

    private static final long AF = 1L << 10;
    private static final long DBM = 1L << 51;
    private static final long AP2 = 1L << 7; // stage 1: read-only
    private static final long S2AP1 = 1L << 7; // stage 2: writable

    private final Smmu smmu;
    private final Words memory;
    private final Set<Open> open;
    private final Request request;
    private final long address;
    private final boolean write;

    // the request as the stream table entry completes it
    private boolean instruction;
    private boolean privileged;

    private long[] ste = {};
    private long[] cd = {};
    private boolean hasStage1;
    private boolean hasStage2;
    private boolean el2; // and no E2H
    private boolean e2h;

    public SmmuOracle(Smmu smmu, Words memory, Set<Open> open, Request request) {
        this.smmu = smmu;
        this.memory = memory;
        this.open = open;
        this.request = request;
        this.address = request.address();
        this.write = request.access() == Access.WRITE;
        // without a PASID a PCIe request is data and unprivileged
        this.instruction = request.access() == Access.EXECUTE && request.hasSubstream();
        this.privileged = request.privileged() && request.hasSubstream();
    }

    public Answer answer() {
        try {
            return translate();
        } catch (Ended ended) {
            return ended.answer;
        }
    }

    private Answer translate() {
        if (!smmu.enabled()) {
            boolean aborts = smmu.abortsWhenDisabled() || exceeds(address, smmu.outputBits());
            return aborts ? new Answer.Silent() : bypass();
        }
        ste = fetch(streamTableEntry(), 8, 0x03);
        if (!ste(0)) { // V
            throw configurationError(0x04);
        }
        int config = (int) ste(3, 1);
        if (config < 4) {
            return new Answer.Silent();
        }
        hasStage1 = (config & 1) != 0;
        hasStage2 = (config & 2) != 0;
        checkSte(config);
        override();

        int index = contextIndex();
        if (index < 0) { // no stage 1, or S1DSS skips it
            if (exceeds(address, smmu.outputBits())) {
                throw new Ended(event(0x11, record(false, false, IN), 0, true, false));
            }
            return hasStage2 ? page(stage2(address, IN)) : bypass();
        }
        cd = fetchCd(index);
        checkCd();
        var first = stage1();
        if (!hasStage2) {
            update(first);
            return page(first);
        }
        var second = finalStage2(first);
        update(first);
        return page(new Leaf(
                second.address,
                Math.min(first.size, second.size),
                first.read && second.read,
                first.write && second.write,
                first.rightsOpen || second.rightsOpen,
                second.at,
                second.descriptor,
                second.updated,
                null));
    }

    private Leaf finalStage2(Leaf first) {
        try {
            return stage2(first.address, IN);
        } catch (Ended ended) {
            boolean refused = ended.answer instanceof Answer.Event event && event.code() == 0x13;
            boolean updates = refused
                    ? open.contains(Open.STAGE_1_UPDATED_THOUGH_STAGE_2_REFUSES)
                    : !open.contains(Open.STAGE_1_NOT_UPDATED_WHEN_STAGE_2_FAULTS);
            if (updates) {
                update(first);
            }
            throw ended;
        }
    }

    private Answer bypass() {
        return new Answer.Page(address, 0, true, true, true);
    }

    private Answer page(Leaf leaf) {
        boolean instructionOverride = smmu.overridesPermissions() && ste(115, 114) == 3;
        return new Answer.Page(leaf.address, leaf.size, leaf.read, leaf.write, leaf.rightsOpen || instructionOverride);
    }

    // ---------------------------------------------------------------- stream table

    private long streamTableEntry() {
        long sid = request.streamId() & 0xffffffffL;
        int split = smmu.split();
        if (sid >= 1L << Math.min(smmu.log2Size(), smmu.streamIdBits())) {
            throw badStream();
        }
        if (!smmu.twoLevelStreams()) {
            long base = clear(smmu.strtabBase() & bits(51, 6), smmu.log2Size() + 5);
            return base + sid * 64;
        }
        long base = clear(smmu.strtabBase() & bits(51, 6), Math.max(5, smmu.log2Size() - split + 2));
        long descriptor = fetch(base + (sid >>> split) * 8, 1, 0x03)[0];
        int span = (int) (descriptor & bits(4, 0));
        long within = sid & bits(split - 1, 0);
        if (span == 0 || span > 11 || span > split + 1 || within >= 1L << span - 1) {
            throw badStream();
        }
        return clear(descriptor & bits(51, 6), 5 + span - 1) + within * 64;
    }

    private Ended badStream() {
        return new Ended(event(0x02, 0, 0, smmu.recordsInvalidStreams(), false));
    }

    /** STE.{V, Config} are known to be good. */
    private void checkSte(int config) {
        int oas = smmu.outputBits();
        boolean bad = hasStage1 && !smmu.hasStage1() || hasStage2 && !smmu.hasStage2();

        int eats = (int) ste(93, 92);
        boolean s2s = ste(185);
        if (smmu.ats() && config != 4) {
            bad |= eats == 2 && (config != 7 || s2s || smmu.idr0(11)); // NS1ATS
            bad |= eats == 1 && hasStage2 && s2s;
        }

        int strw = (int) ste(95, 94);
        boolean strwCounts = smmu.hasStage1() && smmu.hyp() && config == 5;
        bad |= strwCounts && (strw & 1) != 0;
        el2 = strwCounts && strw == 2 && !smmu.e2h();
        e2h = strwCounts && strw == 2 && smmu.e2h();

        if (hasStage1) {
            int substreams = (int) ste(63, 59); // S1CDMax
            int format = (int) ste(5, 4);
            bad |= ste(91) && smmu.stallModel() != 0; // S1STALLD
            if (smmu.substreamIdBits() != 0) {
                bad |= substreams > smmu.substreamIdBits();
                bad |= substreams != 0 && (format == 1 || format == 2) && !smmu.idr0(19); // CD2L
            }
            bad |= !hasStage2 && exceeds(ste[0] & bits(51, 6), oas);
        }

        if (hasStage2) {
            int granule = s2Granule();
            int t0sz = (int) ste(165, 160);
            bad |= s2s ? smmu.stallModel() == 1 : smmu.stallModel() == 2;
            bad |= !smmu.translates(ste(179)) || !smmu.endianness(ste(180));
            bad |= illegalUpdates(ste(184), ste(183)); // S2HA, S2HD
            bad |= !smmu.granule(granule);
            bad |= exceeds(s2ttb(), granule == 16 ? s2OutputBits() : Math.min(48, s2OutputBits()));
            bad |= t0sz > largestTsz(granule);
            bad |= t0sz < Math.max(granule == 16 ? 12 : 16, 64 - oas);
            int start = s2Start();
            int indexed = 64 - t0sz - low(granule, start); // bits of the first index, 3.3
            bad |= start < 0 || indexed < 1 || indexed > granule - 3 + 4;
        }

        boolean vmidCounts = smmu.hasStage2() && config != 4 && !el2 && !e2h;
        bad |= vmidCounts && ste(143, 136) != 0 && !smmu.wideVmids();
        if (bad) {
            throw configurationError(0x04);
        }
        if (hasStage2 && ste(167, 166) == 2 && oas < (s2Granule() == 14 ? 42 : 44)) {
            throw new Ended(new Answer.Unsaid("S2SL0 = 2 with a small output size"));
        }
    }

    private boolean illegalUpdates(boolean ha, boolean hd) {
        return (ha || hd) && smmu.updates() == 0 || hd && smmu.updates() == 1;
    }

    private int largestTsz(int granule) {
        return !smmu.smallTables() ? 39 : granule == 16 ? 47 : 48;
    }

    private int s2Granule() {
        return new int[] {12, 16, 14, 0}[(int) ste(175, 174)];
    }

    private int s2Start() {
        int sl0 = (int) ste(167, 166);
        if (s2Granule() == 12) {
            return sl0 < 3 ? 2 - sl0 : smmu.smallTables() ? 3 : -1;
        }
        return sl0 < 3 ? 3 - sl0 : -1;
    }

    private int s2OutputBits() {
        return Math.min(Smmu.bitsOfSize(ste(178, 176)), smmu.outputBits());
    }

    private long s2ttb() {
        return ste(243, 196) << 4;
    }

    private void override() {
        if (!smmu.overridesPermissions()) {
            return;
        }
        int priv = (int) ste(113, 112);
        int inst = (int) ste(115, 114);
        privileged = priv == 3 || priv != 2 && privileged;
        instruction = !write && (inst == 3 || inst != 2 && instruction);
    }

    // ---------------------------------------------------------------- context descriptors

    /** Which context descriptor the request takes; negative: it skips stage 1. */
    private int contextIndex() {
        boolean substreams = hasStage1 && ste(63, 59) != 0 && smmu.substreamIdBits() != 0;
        int dss = (int) ste(65, 64);
        if (request.hasSubstream() && !(substreams && request.substreamId() < 1L << ste(63, 59))) {
            throw badSubstream();
        }
        if (!substreams) {
            return hasStage1 ? 0 : -1;
        }
        boolean disabled = request.hasSubstream() ? request.substreamId() == 0 && dss == 2 : dss == 0 || dss == 3;
        if (disabled) {
            throw new Ended(new Answer.Event(0x06, List.of(0x06L | streamId(), 0L, 0L, 0L), true, false));
        }
        return request.hasSubstream() ? request.substreamId() : dss == 1 ? -1 : 0;
    }

    private Ended badSubstream() {
        long ssid = request.hasSubstream() ? request.substreamId() : 0;
        return new Ended(new Answer.Event(0x08, List.of(0x08L | ssid << 12 | streamId(), 0L, 0L, 0L), true, false));
    }

    private long[] fetchCd(int index) {
        int max = smmu.substreamIdBits() == 0 ? 0 : (int) ste(63, 59);
        int format = max == 0 ? 0 : (int) ste(5, 4);
        long pointer = ste[0] & bits(51, 6);
        if (format == 0 || format == 3) {
            return fetch(cdAddress(clear(pointer, max + 5) + index * 64L), 8, 0x09);
        }
        int split = format == 1 ? 6 : 10;
        long l1 = clear(pointer, Math.max(5, max - split + 2)) + (index >>> split) * 8L;
        long descriptor = fetch(cdAddress(l1), 1, 0x09)[0];
        long leaf = descriptor & bits(51, format == 1 ? 12 : 16);
        if ((descriptor & 1) == 0 || !hasStage2 && exceeds(leaf, smmu.outputBits())) {
            throw badSubstream();
        }
        return fetch(cdAddress(leaf + (index & bits(split - 1, 0)) * 64), 8, 0x09);
    }

    private long cdAddress(long pointer) {
        return hasStage2 ? stage2(pointer, CD).address : pointer;
    }

    private void checkCd() {
        if (!cd(31)) { // V
            throw configurationError(0x0a);
        }
        boolean s = cd(44);
        boolean bad = ste(91) && s;
        bad |= smmu.idr0(26) && !cd(46); // TERM_MODEL, A
        bad |= s ? smmu.stallModel() == 1 : smmu.stallModel() == 2;
        bad |= !smmu.endianness(cd(15)) && !(disabled(0) && disabled(1));
        bad |= !smmu.translates(cd(41)) || !cd(41) && e2h || cd(41) && hasStage2 && !ste(179);
        bad |= illegalUpdates(cd(43), cd(42)); // HA, HD
        bad |= !el2 && cd(63, 56) != 0 && !smmu.wideAsids();
        for (int half = 0; half < 2; half++) {
            if (!disabled(half)) {
                int granule = granule(half);
                int tsz = tsz(half);
                bad |= tsz > largestTsz(granule);
                bad |= tsz < (granule == 16 && smmu.wideInput() ? 12 : 16);
                bad |= !smmu.granule(granule);
                bad |= exceeds(ttb(half), granule == 16 ? outputBits() : Math.min(48, outputBits()));
            }
        }
        if (bad) {
            throw configurationError(0x0a);
        }
    }

    /** EPD, as far as it counts. */
    private boolean disabled(int half) {
        return el2 ? half == 1 : cd(half == 0 ? 14 : 30);
    }

    private int granule(int half) {
        return half == 0 ? new int[] {12, 16, 14, 0}[(int) cd(7, 6)] : new int[] {0, 14, 12, 16}[(int) cd(23, 22)];
    }

    private int tsz(int half) {
        return (int) (half == 0 ? cd(5, 0) : cd(21, 16));
    }

    private long ttb(int half) {
        return (half == 0 ? cd(115, 68) : cd(179, 132)) << 4;
    }

    private int outputBits() {
        return Math.min(Smmu.bitsOfSize(cd(34, 32)), smmu.outputBits());
    }

    // ---------------------------------------------------------------- stages

    /**
     * Where a stage leads.
     *
     * @param size bytes of its page or block
     * @param at where its descriptor is in memory
     * @param updated the descriptor as the access leaves it
     * @param home where stage 2 has a descriptor of stage 1; null: no stage 2, or no descriptor of stage 1
     */
    private record Leaf(
            long address,
            long size,
            boolean read,
            boolean write,
            boolean rightsOpen,
            long at,
            long descriptor,
            long updated,
            @Nullable Leaf home) {}

    private enum Kind {
        INVALID,
        TABLE,
        LEAF
    }

    private Kind kind(long descriptor, int level, int granule, int outputBits) {
        int type = (int) (descriptor & 3);
        if (level == 3) {
            return type == 3 ? Kind.LEAF : Kind.INVALID;
        }
        if (type == 3) {
            return Kind.TABLE;
        }
        boolean hugeBlock = granule == 16 && level == 1 && smmu.outputBits() == 52;
        boolean block = level == 2 || granule == 12 && level == 1 || hugeBlock;
        if (type != 1 || !block) {
            return Kind.INVALID;
        }
        if (hugeBlock && outputBits < 52) {
            throw new Ended(new Answer.Unsaid("4 TB block with a small IPS or S2PS"));
        }
        return Kind.LEAF;
    }

    /** Lowest bit of input that a descriptor of this level resolves. */
    private static int low(int granule, int level) {
        return granule + (3 - level) * (granule - 3);
    }

    /** Bits 47:low; with 64 KB also 51:48, which are in 15:12. */
    private static long output(long descriptor, int low, int granule) {
        return descriptor & bits(47, low) | (granule == 16 ? (descriptor & bits(15, 12)) << 36 : 0);
    }

    private static long start(long ttb, int indexed, int granule, int outputBits) {
        int aligned = indexed + 3;
        return clear(ttb, granule == 16 && outputBits == 52 ? Math.max(5, aligned - 1) : aligned - 1);
    }

    private Leaf stage1() {
        int half = el2 ? 0 : (int) (address >>> 55 & 1);
        boolean e0pd = !el2 && smmu.idr3(13) && cd(half == 0 ? 66 : 130) && !privileged;
        if (disabled(half) || e0pd) {
            throw stage1Fault(0x10);
        }
        int inputBits = 64 - tsz(half);
        long above = bits(cd(half == 0 ? 38 : 39) ? 55 : 63, inputBits); // TBI
        if ((address & above) != (half == 0 ? 0 : above)) {
            throw stage1Fault(0x10);
        }

        int granule = granule(half);
        int stride = granule - 3;
        int level = 4 - (inputBits - granule + stride - 1) / stride;
        int indexed = inputBits - low(granule, level);
        long table = start(ttb(half), indexed, granule, outputBits());
        boolean hierarchical = !cd(half == 0 ? 65 : 129); // HAD
        long tables = 0; // attributes of the table descriptors on the way
        while (true) {
            int low = low(granule, level);
            long at = table + (address >>> low & bits(indexed - 1, 0)) * 8;
            var home = hasStage2 ? stage2(at, TT) : null;
            long physical = home != null ? home.address : at;
            if (!memory.backs(physical)) {
                throw walkAbort(false, TT, physical);
            }
            long descriptor = memory.read(physical);
            var kind = kind(descriptor, level, granule, outputBits());
            if (kind == Kind.INVALID) {
                throw stage1Fault(0x10);
            }
            boolean leaf = kind == Kind.LEAF;
            long next = output(descriptor, leaf ? low : granule, granule);
            if (exceeds(next, outputBits())) {
                throw stage1Fault(0x11);
            }
            if (leaf) {
                return stage1Leaf(next, 1L << low, descriptor, tables, at, physical, home);
            }
            tables |= hierarchical ? descriptor : 0;
            table = next;
            indexed = stride;
            level++;
        }
    }

    private Leaf stage1Leaf(
            long page, long size, long descriptor, long tables, long at, long physical, @Nullable Leaf home) {
        boolean ha = cd(43);
        boolean hd = ha && cd(42);
        if ((descriptor & AF) == 0 && !ha && !cd(35)) { // AFFD
            throw stage1Fault(0x12);
        }
        boolean wxn = cd(36);
        boolean readOnly = (descriptor & AP2) != 0;
        boolean tableReadOnly = bit(tables, 62);
        boolean clean = hd && readOnly && (descriptor & DBM) != 0 && !tableReadOnly;
        boolean writable = (!readOnly || clean) && !tableReadOnly;
        boolean uxn = bit(descriptor, 54) || bit(tables, 60);
        boolean pxn = bit(descriptor, 53) || bit(tables, 59);
        boolean readRight;
        boolean writeRight;
        boolean executeRight;
        boolean pan = false;
        if (el2) {
            readRight = true;
            writeRight = writable;
            executeRight = !uxn && !(wxn && writable);
        } else {
            boolean userRead = bit(descriptor, 6) && !bit(tables, 61);
            boolean userWrite = userRead && writable;
            pan = cd(40) && userRead;
            readRight = privileged ? !pan : userRead;
            writeRight = privileged ? writable && !pan : userWrite;
            executeRight = privileged ? !pxn && !userWrite && !(wxn && writable) : !uxn && !(wxn && userWrite);
        }
        if (!(instruction ? executeRight : write ? writeRight : readRight)) {
            if (hasStage2 && ha && (descriptor & AF) == 0) {
                throw new Ended(new Answer.Unsaid("the access flag of a page that refuses, nested"));
            }
            throw stage1Fault(0x13);
        }
        long updated = descriptor | (ha ? AF : 0);
        if (write && clean) {
            updated &= ~AP2;
        }
        if (updated != descriptor && home != null && !s2Clean(home.updated) && (home.updated & S2AP1) == 0) {
            throw stage2Fault(0x13, TT, at, false); // the update is a write
        }
        boolean rightsOpen = hd && (descriptor & DBM) != 0 || pan && privileged;
        long target = page | address & size - 1;
        return new Leaf(target, size, readRight, writeRight, rightsOpen, physical, descriptor, updated, home);
    }

    /** @param purpose of the address: IN for the request itself, TT and CD for what is fetched on the way */
    private Leaf stage2(long ipa, int purpose) {
        int inputBits = 64 - (int) ste(165, 160);
        if (exceeds(ipa, inputBits)) {
            throw stage2Fault(0x10, purpose, ipa, false);
        }
        int granule = s2Granule();
        int level = s2Start();
        int indexed = inputBits - low(granule, level);
        long table = start(s2ttb(), indexed, granule, s2OutputBits());
        while (true) {
            int low = low(granule, level);
            long at = table + (ipa >>> low & bits(indexed - 1, 0)) * 8;
            if (!memory.backs(at)) {
                throw walkAbort(true, purpose, at);
            }
            long descriptor = memory.read(at);
            var kind = kind(descriptor, level, granule, s2OutputBits());
            if (kind == Kind.INVALID) {
                throw stage2Fault(0x10, purpose, ipa, false);
            }
            boolean leaf = kind == Kind.LEAF;
            long next = output(descriptor, leaf ? low : granule, granule);
            if (exceeds(next, s2OutputBits())) {
                throw stage2Fault(0x11, purpose, ipa, false);
            }
            if (leaf) {
                return stage2Leaf(next, 1L << low, descriptor, at, ipa, purpose);
            }
            table = next;
            indexed = granule - 3;
            level++;
        }
    }

    private Leaf stage2Leaf(long page, long size, long descriptor, long at, long ipa, int purpose) {
        boolean ha = ste(184);
        if ((descriptor & AF) == 0 && !ha && !ste(181)) { // S2AFFD
            throw stage2Fault(0x12, purpose, ipa, false);
        }
        boolean clean = s2Clean(descriptor);
        boolean readable = bit(descriptor, 6);
        boolean writable = (descriptor & S2AP1) != 0 || clean;
        boolean allowed;
        if (purpose != IN) {
            allowed = readable && !(hasStage1 && ste(182) && device(descriptor)); // S2PTW
        } else if (instruction) {
            boolean xn1 = bit(descriptor, 54);
            boolean xn0 = bit(descriptor, 53);
            allowed = smmu.idr3(4) && privileged ? xn1 == xn0 : !xn1; // XNX
        } else {
            allowed = write ? writable : readable;
        }
        if (!allowed) {
            throw stage2Fault(0x13, purpose, ipa, true);
        }
        long updated = descriptor | (ha ? AF : 0) | (purpose == IN && write && clean ? S2AP1 : 0);
        boolean rightsOpen = ha && ste(183) && (descriptor & DBM) != 0;
        long target = page | ipa & size - 1;
        var leaf = new Leaf(target, size, readable, writable, rightsOpen, at, descriptor, updated, null);
        update(leaf);
        return leaf;
    }

    /** Read-only, but a write may make it writable. */
    private boolean s2Clean(long descriptor) {
        return ste(184) && ste(183) && (descriptor & DBM) != 0 && (descriptor & S2AP1) == 0; // S2HA, S2HD
    }

    private boolean device(long descriptor) {
        int type = (int) (descriptor >>> 2 & 0xf); // MemAttr
        boolean forced = ste(89) && smmu.idr3(8); // S2FWB
        if (forced ? (type & 7) == 4 : (type & 3) == 0 && type != 0) {
            throw new Ended(new Answer.Unsaid("tables in memory of a reserved type"));
        }
        return forced ? (type & 4) == 0 : type >>> 2 == 0;
    }

    private void update(Leaf leaf) {
        if (leaf.updated == leaf.descriptor) {
            return;
        }
        if (leaf.home != null && s2Clean(memory.read(leaf.home.at))) {
            memory.write(leaf.home.at, memory.read(leaf.home.at) | S2AP1);
        }
        if (memory.read(leaf.at) != leaf.descriptor) {
            throw new Ended(new Answer.Unsaid("a descriptor that its own walk has changed"));
        }
        memory.write(leaf.at, leaf.updated);
    }

    // ---------------------------------------------------------------- events

    private Ended stage1Fault(int code) {
        boolean stalls = cd(44);
        boolean recorded = stalls || cd(45);
        return new Ended(event(code, record(stalls, false, IN), 0, recorded, stalls));
    }

    /** @param read TTRnW, where it is defined */
    private Ended stage2Fault(int code, int purpose, long ipa, boolean read) {
        boolean stalls = ste(185); // S2S
        boolean recorded = stalls || ste(186); // S2R
        long record = record(stalls, true, purpose);
        if (code == 0x13 && purpose == TT && read) {
            record |= 1L << 44;
        }
        return new Ended(event(code, record, ipa & bits(51, 12), recorded, stalls));
    }

    private Ended walkAbort(boolean second, int purpose, long fetched) {
        return new Ended(event(0x0b, record(false, second, purpose), fetched & bits(51, 3), true, false));
    }

    /** Word 1. */
    private long record(boolean stalls, boolean second, int purpose) {
        return (stalls ? 1L << 31 : 0)
                | (privileged ? 1L << 33 : 0) // PnU
                | (instruction ? 1L << 34 : 0) // InD
                | (write ? 0 : 1L << 35) // RnW
                | (second ? 1L << 39 : 0) // S2
                | (long) purpose << 40; // CLASS
    }

    private Answer event(int code, long word1, long word3, boolean recorded, boolean stalls) {
        long substream = request.hasSubstream() ? 1L << 11 | (long) request.substreamId() << 12 : 0;
        long input = code >= 0x0b ? address : 0;
        return new Answer.Event(code, List.of(code | substream | streamId(), word1, input, word3), recorded, stalls);
    }

    private long streamId() {
        return (long) request.streamId() << 32;
    }

    private Ended configurationError(int code) {
        return new Ended(event(code, 0, 0, true, false));
    }

    // ---------------------------------------------------------------- bits

    private long[] fetch(long at, int words, int code) {
        if (!memory.backs(at)) {
            throw new Ended(event(code, 0, at & bits(51, 3), true, false));
        }
        var fetched = new long[words];
        for (int word = 0; word < words; word++) {
            fetched[word] = memory.read(at + word * 8L);
        }
        return fetched;
    }

    private boolean ste(int bit) {
        return field(ste, bit, bit) != 0;
    }

    private long ste(int high, int low) {
        return field(ste, high, low);
    }

    private boolean cd(int bit) {
        return field(cd, bit, bit) != 0;
    }

    private long cd(int high, int low) {
        return field(cd, high, low);
    }

    private static long field(long[] structure, int high, int low) {
        return structure[low / 64] >>> low % 64 & bits(high - low, 0);
    }

    private static boolean exceeds(long address, int bits) {
        return address >>> bits != 0;
    }

    private static long clear(long address, int high) {
        return high > 62 ? 0 : address & bits(63, high + 1);
    }

    private static boolean bit(long word, int position) {
        return (word >>> position & 1) != 0;
    }

    private static long bits(int high, int low) {
        return -1L >>> 63 - high & -1L << low;
    }

    /** The walk is over. */
    private static final class Ended extends RuntimeException {
        private static final long serialVersionUID = 1L;

        final transient Answer answer;

        Ended(Answer answer) {
            super(answer.toString(), null, false, false);
            this.answer = answer;
        }
    }
}
