package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.smmuv3.RandomMemory.Region;
import dev.ioasid.iommu.smmuv3.RandomMemory.Structure;
import dev.ioasid.iommu.smmuv3.oracle.Request;
import dev.ioasid.iommu.smmuv3.oracle.Smmu;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An SMMU with random capabilities, registers and tables in its memory, and requests for it, many of which find a page. The same seed gives
 * the same. About a quarter of what describes streams is then broken, unless the configuration is {@link #warm}.
 *
 * <p>What the reference leaves open is avoided, and where damage leads there all the same, the oracle says so.
 */
final class RandomSmmu {
    private static final int EVENT_QUEUE_BITS = 8;
    private static final int EVENT_QUEUE_BYTES = 32 << EVENT_QUEUE_BITS;

    private static final int STAGE_1 = 5; // of STE.Config
    private static final int STAGE_2 = 6;
    private static final int NESTED = 7;
    private static final int BYPASS = 4;

    /** Of word 1: walk and output attributes, hints and what is software's. */
    private static final long STE_ATTRIBUTES = 0xfff0_f1ff_00ff_fffcL;

    private final Chance chance;
    private final RandomIdentity identity;
    private final RandomMemory memory;
    private final int cr2;
    private final List<Target> targets = new ArrayList<>();
    private int vmid;
    private int asid;
    private boolean hasEl2;

    /**
     * All requests may be asked of one unit with caches: nothing is broken, and tags keep apart what is different. Otherwise caches may
     * hold what another request must not see, as they may in hardware.
     */
    final boolean warm;

    final Smmu smmu;
    final List<Request> requests = new ArrayList<>();
    private final long eventQueue;

    /** Something that a request can be for. */
    private record Target(int streamId, int substreamId, long address) {}

    RandomSmmu(long seed) {
        chance = new Chance(seed);
        identity = RandomIdentity.of(chance);
        memory = new RandomMemory(chance);
        warm = chance.oneIn(3);
        vmid = (int) chance.bits(16);
        asid = (int) chance.bits(16);
        boolean e2h = identity.has0(9) && chance.oneIn(3);
        cr2 = (e2h ? 1 : 0) | (chance.oneIn(4) ? 0 : 2); // E2H, RECINVSID
        eventQueue = memory.allocate(EVENT_QUEUE_BYTES);

        var damage = new RandomDamage(chance, memory, identity.outputBits());
        boolean disabled = chance.oneIn(50);
        int cr0 = disabled ? 4 : 5; // EVENTQEN, SMMUEN
        int gbpa = 0x1000 | (disabled && chance.oneIn(2) ? 1 << 20 : 0);
        long[] table = streamTable();
        if (!warm) {
            damage.strew();
            if (chance.oneIn(60)) {
                table[0] = damage.wild() & 0xfffffffffffc0L;
            }
        }
        int tableConfiguration = (int) table[1];
        smmu = new Smmu(
                identity.idr0(),
                identity.idr1(),
                identity.idr3(),
                identity.idr5(),
                cr0,
                cr2,
                gbpa,
                table[0],
                tableConfiguration);
        for (int i = 0, count = warm ? 16 : 8; i < count; i++) {
            requests.add(request());
        }
    }

    void writeTo(PhysicalMemory physical) {
        memory.writeTo(physical);
    }

    /** Makes what {@link #writeTo} was given zero again, and the event queue. */
    void eraseFrom(PhysicalMemory physical) {
        for (long address : words()) {
            physical.release(address, 0);
        }
        physical.write(eventQueue, new byte[EVENT_QUEUE_BYTES]);
    }

    /** The addresses of all words that were set, ascending: all that hardware may change is among them. */
    long[] words() {
        return memory.addresses();
    }

    /** Where structures of a kind are. */
    Set<Long> addresses(Structure structure) {
        return memory.structures().stream()
                .filter(placed -> placed.structure() == structure)
                .map(RandomMemory.Placed::address)
                .collect(Collectors.toSet());
    }

    /** EVENTQ_BASE. */
    long eventQueueBase() {
        return eventQueue | EVENT_QUEUE_BITS;
    }

    @Override
    public String toString() {
        return (warm ? "warm " : "") + smmu;
    }

    // ---------------------------------------------------------------- streams

    /** STRTAB_BASE and STRTAB_BASE_CFG. */
    private long[] streamTable() {
        boolean twoLevel = identity.twoLevelStreams() && !chance.oneIn(3);
        int bits = identity.sidSize();
        int streams = 2 + chance.below(3);
        if (!twoLevel) {
            int log2Size = chance.oneIn(4) ? chance.below(13) : Math.min(bits, 6 + chance.below(4));
            var table = memory.region(64L << log2Size);
            for (int i = 0; i < streams; i++) {
                int sid = (int) chance.bits(Math.min(bits, log2Size));
                stream(sid, table, sid * 64L);
            }
            int format = chance.oneIn(4) ? chance.pick(identity.twoLevelStreams() ? 2 : 1, 3) : 0;
            long base = table.physical() | chance.noise((64L << log2Size) - 64);
            return new long[] {base, format << 16 | (int) chance.noise(0x7c0) | log2Size};
        }
        int encodedSplit = chance.pick(6, 8, 10, 6, 8, 10, chance.below(32));
        int split = encodedSplit == 8 || encodedSplit == 10 ? encodedSplit : 6;
        int log2Size = chance.oneIn(4) ? chance.below(20) : bits;
        var table = memory.region(Math.max(64, 8L << Math.max(0, log2Size - split)));
        Map<Integer, Region> tables = new HashMap<>();
        for (int i = 0; i < streams; i++) {
            int sid = (int) chance.bits(Math.min(bits, log2Size));
            int within = sid & (1 << split) - 1;
            var second = tables.get(sid >>> split);
            if (second == null) {
                int needed = 32 - Integer.numberOfLeadingZeros(within);
                int spanned = chance.oneIn(24)
                        ? chance.below(split + 1)
                        : needed + chance.below(Math.min(split, 10) - needed + 1);
                second = memory.region(64L << Math.max(spanned, needed));
                tables.put(sid >>> split, second);
                long noise = chance.noise((64L << spanned) - 64) | chance.noise(1 << 5 | 0xfffL << 52);
                var kind = Structure.L1_STREAM_TABLE_DESCRIPTOR;
                memory.put(kind, table, (sid >>> split) * 8L, 0, second.physical() | spanned + 1 | noise);
            }
            stream(sid, second, within * 64L);
        }
        long base = table.physical() | chance.noise(Math.max(64, 8L << Math.max(0, log2Size - split)) - 64);
        return new long[] {base | 1L << 62, 1 << 16 | encodedSplit << 6 | log2Size};
    }

    private void stream(int sid, Region table, long offset) {
        if (memory.isSet(table.physical() + offset)) {
            return;
        }
        long[] ste = new long[8];
        int config = config();
        boolean stage1 = config == STAGE_1 || config == NESTED;
        boolean stage2 = config == STAGE_2 || config == NESTED;
        put(ste, 0, 0, 1); // V
        put(ste, 3, 1, config);
        ste[1] = chance.noise(STE_ATTRIBUTES);
        boolean stalls = stalls();
        put(ste, 93, 92, eats(config, stalls));
        put(ste, 113, 112, chance.oneIn(4) ? chance.below(4) : 0); // PRIVCFG
        put(ste, 115, 114, chance.oneIn(6) ? chance.below(4) : 0); // INSTCFG
        put(ste, 65, 64, chance.pick(0, 1, 1, 2, 2, 2, 3)); // S1DSS

        int mask = identity.has0(18) ? 0xffff : 0xff; // VMID16
        put(ste, 143, 128, vmid++ & mask);
        RandomStage second = null;
        if (stage2) {
            second = stage2(ste, stalls);
        } else {
            ste[2] |= chance.noise(-1L << 32);
            ste[3] = chance.noise(-1L);
        }
        if (stage1) {
            streamOfStage1(sid, ste, config, second);
        } else {
            put(ste, 95, 94, chance.below(4)); // STRW
            put(ste, 91, 91, chance.below(2)); // S1STALLD
            ste[0] |= chance.noise(0xf80ffffffffffff0L);
            for (int i = 0; i < 4; i++) {
                target(sid, Request.NO_SUBSTREAM, second);
            }
        }
        memory.put(Structure.STREAM_TABLE_ENTRY, table, offset, 0, ste);
    }

    private int config() {
        boolean s1 = identity.has0(1);
        boolean s2 = identity.has0(0);
        if (chance.oneIn(12)) {
            return chance.pick(BYPASS, BYPASS, chance.below(4));
        }
        return !s2 ? STAGE_1 : !s1 ? STAGE_2 : chance.pick(STAGE_1, STAGE_1, NESTED, NESTED, STAGE_2);
    }

    private boolean stalls() {
        return identity.stallModel() == 2 || identity.stallModel() == 0 && chance.oneIn(4);
    }

    private int eats(int config, boolean stalls) {
        int eats = chance.below(4);
        boolean stage2 = config == STAGE_2 || config == NESTED;
        boolean split = config == NESTED && !stalls && !identity.has0(11); // NS1ATS
        boolean illegal = eats == 1 && stage2 && stalls || eats == 2 && !split;
        return identity.has0(10) && config != BYPASS && illegal ? 0 : eats;
    }

    private RandomStage stage2(long[] ste, boolean stalls) {
        int oas = identity.outputBits();
        int granule;
        int sl0;
        int t0sz;
        int start;
        int indexed;
        do {
            granule = identity.granule(chance);
            sl0 = chance.below(4);
            start = granule != 12 ? 3 - sl0 : sl0 == 3 ? 3 : 2 - sl0;
            t0sz = chance.oneIn(4) ? chance.below(64) : 12 + chance.below(28);
            indexed = 64 - t0sz - (granule + (3 - start) * (granule - 3));
        } while (sl0 == 3 && !(granule == 12 && identity.has3(9))
                || sl0 == 2 && oas < (granule == 14 ? 42 : 44) // left open
                || t0sz < Math.max(granule == 16 ? 12 : 16, 64 - oas)
                || t0sz > identity.largestTsz(granule)
                || indexed < 1
                || indexed > granule - 3 + 4);
        int ps = outputSize();
        int bits = bitsOf(ps);
        boolean ha = identity.httu() >= 1 && chance.oneIn(2);
        boolean hd = identity.httu() == 2 && chance.oneIn(2);
        boolean affd = chance.oneIn(6);
        int clear = ha || affd ? 3 : 40;
        var shape = new RandomStage.Shape(null, granule, 64 - t0sz, start, bits, clear, true, oas == 52 && bits == 52);
        var stage = new RandomStage(chance, memory, shape, false);
        put(ste, 165, 160, t0sz);
        put(ste, 167, 166, sl0);
        put(ste, 173, 168, chance.bits(6)); // S2IR0, S2OR0, S2SH0
        put(ste, 175, 174, granule == 12 ? 0 : granule == 16 ? 1 : 2); // S2TG
        put(ste, 178, 176, ps);
        put(ste, 179, 179, 1); // S2AA64
        put(ste, 181, 181, affd ? 1 : 0);
        put(ste, 182, 182, chance.oneIn(6) ? 1 : 0); // S2PTW
        put(ste, 183, 183, hd ? 1 : 0);
        put(ste, 184, 184, ha ? 1 : 0);
        put(ste, 185, 185, stalls ? 1 : 0);
        put(ste, 186, 186, chance.oneIn(4) ? 0 : 1); // S2R
        put(ste, 89, 89, chance.oneIn(3) ? 1 : 0); // S2FWB
        long size = Math.max(granule == 16 && bits == 52 ? 64 : 16, 8L << indexed);
        put(ste, 243, 196, (stage.root() | chance.noise(size - 16)) >>> 4);
        return stage;
    }

    private void streamOfStage1(int sid, long[] ste, int config, @Nullable RandomStage second) {
        boolean ssids = identity.ssidSize() != 0;
        int max = ssids ? chance.oneIn(3) ? 0 : 1 + chance.below(identity.ssidSize()) : 0;
        int format = max == 0 || identity.has0(19) ? chance.below(4) : chance.pick(0, 3); // CD2L
        if ((format == 0 || format == 3) && max > 12) {
            max = 12;
        }
        put(ste, 63, 59, ssids ? max : chance.below(32));
        put(ste, 5, 4, format);
        boolean el2 = config == STAGE_1 && identity.has0(9) && chance.oneIn(3);
        boolean untagged = el2 && (cr2 & 1) == 0;
        if (untagged && warm && (hasEl2 || max != 0)) {
            el2 = false;
            untagged = false;
        }
        hasEl2 |= untagged;
        put(ste, 95, 94, el2 ? 2 : config == STAGE_1 && identity.has0(9) ? 0 : chance.below(4)); // STRW
        boolean stallsDisabled = identity.stallModel() == 0 && chance.oneIn(6);
        put(ste, 91, 91, stallsDisabled ? 1 : 0);

        boolean twoLevel = max != 0 && (format == 1 || format == 2);
        int split = !twoLevel ? max : format == 1 ? 6 : 10;
        long size = twoLevel ? Math.max(64, 8L << Math.max(0, max - split)) : 64L << max;
        var table = second == null ? memory.region(size) : second.place(size, 52);
        put(ste, 51, 6, (table.address() | chance.noise(size - 64)) >>> 6);
        Map<Integer, Region> leaves = new HashMap<>();
        for (int i = 0, count = max == 0 ? 1 : 3; i < count; i++) {
            int index = i == 0 ? 0 : (int) chance.bits(chance.oneIn(2) ? Math.min(max, 3) : max);
            var leaf = table;
            long offset = index * 64L;
            if (twoLevel) {
                leaf = leaves.computeIfAbsent(index >>> split, l1 -> leaf(table, l1, split, second));
                offset = (index & (1 << split) - 1) * 64L;
            }
            if (!memory.isSet(leaf.physical() + offset)) {
                boolean asSubstream = max != 0 && (i != 0 || chance.oneIn(2));
                int substream = asSubstream ? index : Request.NO_SUBSTREAM;
                boolean stalls = !stallsDisabled && stalls();
                memory.put(Structure.CONTEXT_DESCRIPTOR, leaf, offset, 0, cd(sid, substream, untagged, stalls, second));
            }
        }
    }

    private Region leaf(Region table, int l1, int split, @Nullable RandomStage second) {
        long size = 64L << split;
        var leaf = second == null ? memory.region(size) : second.place(size, 52);
        long noise = chance.noise(size - 0x1000 | 0xffe | 0xfffL << 52);
        memory.put(Structure.L1_CONTEXT_DESCRIPTOR, table, l1 * 8L, 0, leaf.address() | 1 | noise);
        return leaf;
    }

    // ---------------------------------------------------------------- context descriptors

    private long[] cd(int sid, int substream, boolean el2, boolean stalls, @Nullable RandomStage second) {
        long[] cd = new long[8];
        boolean updates = identity.httu() >= 1 && chance.oneIn(2);
        boolean affd = chance.oneIn(6);
        int ips = outputSize();
        put(cd, 31, 31, 1); // V
        put(cd, 34, 32, ips);
        put(cd, 35, 35, affd ? 1 : 0);
        put(cd, 36, 36, chance.oneIn(4) ? 1 : 0); // WXN
        put(cd, 37, 37, chance.below(2)); // UWXN
        put(cd, 39, 38, chance.oneIn(3) ? chance.below(4) : 0); // TBI
        put(cd, 40, 40, chance.oneIn(4) ? 1 : 0); // PAN
        put(cd, 41, 41, 1); // AA64
        put(cd, 42, 42, identity.httu() == 2 && chance.oneIn(2) ? 1 : 0); // HD
        put(cd, 43, 43, updates ? 1 : 0); // HA
        put(cd, 44, 44, stalls ? 1 : 0); // S
        put(cd, 45, 45, chance.oneIn(4) ? 0 : 1); // R
        put(cd, 46, 46, identity.has0(26) || chance.oneIn(2) ? 1 : 0); // A
        put(cd, 47, 47, chance.below(2)); // ASET
        put(cd, 63, 48, asid++ & (identity.has0(12) ? 0xffff : 0xff));
        cd[1] = chance.noise(1 | 0xfL << 60); // NSCFG0, HWU
        cd[2] = chance.noise(1 | 0xfL << 60);
        cd[3] = chance.bits(64); // MAIR
        cd[4] = chance.noise(-1);
        cd[5] = chance.noise(0xffffffffL);
        put(cd, 65, 65, chance.oneIn(4) ? 1 : 0); // HAD0
        put(cd, 129, 129, chance.oneIn(4) ? 1 : 0);
        put(cd, 66, 66, chance.oneIn(6) ? 1 : 0); // E0PD0
        put(cd, 130, 130, chance.oneIn(6) ? 1 : 0);
        put(cd, 13, 8, chance.bits(6)); // IR0, OR0, SH0
        put(cd, 29, 24, chance.bits(6));

        boolean lower = el2 || !chance.oneIn(4);
        boolean upper = !el2 && (!lower ? !chance.oneIn(10) : chance.oneIn(2));
        if (!lower && !upper) {
            targets.add(new Target(sid, substream, chance.bits(64)));
        }
        for (int half = 0; half < 2; half++) {
            if (half == 0 ? lower : upper) {
                half(cd, half, sid, substream, ips, updates || affd ? 3 : 14, second);
            } else { // its fields are unchecked
                put(cd, half == 0 ? 5 : 21, half == 0 ? 0 : 16, chance.bits(6));
                put(cd, half == 0 ? 7 : 23, half == 0 ? 6 : 22, chance.bits(2));
                put(cd, half == 0 ? 115 : 179, half == 0 ? 68 : 132, chance.bits(48));
                put(cd, half == 0 ? 14 : 30, half == 0 ? 14 : 30, 1);
            }
        }
        if (el2) {
            put(cd, 14, 14, chance.below(2)); // EPDx mean nothing
            put(cd, 30, 30, chance.below(2));
        }
        return cd;
    }

    private void half(long[] cd, int half, int sid, int substream, int ips, int clear, @Nullable RandomStage second) {
        int granule = identity.granule(chance);
        int least = granule == 16 && identity.wideInput() ? 12 : 16;
        int tsz = chance.oneIn(4) ? 40 + chance.below(9) : least + chance.below(40 - least);
        tsz = Math.min(tsz, identity.largestTsz(granule));
        int stride = granule - 3;
        int inputBits = 64 - tsz;
        int start = 4 - (inputBits - granule + stride - 1) / stride;
        int bits = bitsOf(ips);
        boolean huge = identity.outputBits() == 52 && bits == 52;
        var shape = new RandomStage.Shape(second, granule, inputBits, start, bits, clear, warm, huge);
        var stage = new RandomStage(chance, memory, shape, true);
        int tg = half == 0 ? new int[] {0, 2, 1}[(granule - 12) / 2] : new int[] {2, 1, 3}[(granule - 12) / 2];
        put(cd, half == 0 ? 5 : 21, half == 0 ? 0 : 16, tsz);
        put(cd, half == 0 ? 7 : 23, half == 0 ? 6 : 22, tg);
        int low = granule + (3 - start) * stride;
        long noise = chance.noise((8L << inputBits - low) - 16);
        put(cd, half == 0 ? 115 : 179, half == 0 ? 68 : 132, (stage.root() | noise) >>> 4);

        long input = stage.inputAddress(52);
        for (int i = 0; i < 4; i++) {
            input = switch (chance.below(3)) {
                case 0 -> input ^ chance.bits(Math.min(inputBits, granule + 2)); // near the last one
                case 1 -> input ^ chance.bits(Math.min(inputBits, granule + stride + 1));
                default -> stage.inputAddress(52);
            };
            int level = stage.leafLevel();
            long size = stage.sizeOfLeaf(level);
            int reach = second == null || chance.oneIn(24)
                    ? stage.reach()
                    : Math.min(stage.reach(), second.shape().inputBits());
            long output = chance.bits(reach) & -size;
            if (stage.map(input, level, output) && second != null) {
                second.map(output | input & size - 1, second.leafLevel(), chance.bits(second.reach()));
            }
            targets.add(new Target(sid, substream, half == 0 ? input : input | -1L << inputBits));
        }
    }

    // ---------------------------------------------------------------- requests

    /** Without stage 1: by stage 2, if there is one. */
    private void target(int sid, int substream, @Nullable RandomStage second) {
        long address = chance.bits(identity.outputBits());
        if (second != null) {
            address = second.inputAddress(52);
            second.map(address, second.leafLevel(), chance.bits(second.reach()));
        }
        targets.add(new Target(sid, substream, address));
    }

    private Request request() {
        var target = targets.get(chance.below(targets.size()));
        long address = target.address ^ (chance.oneIn(3) ? 0 : chance.bits(12));
        address ^= chance.oneIn(20) ? 1L << chance.below(64) : 0;
        address ^= chance.oneIn(12) ? chance.bits(8) << 56 : 0; // TBI
        int sid = chance.oneIn(30) ? target.streamId ^ 1 << chance.below(16) : target.streamId;
        int ssid = target.substreamId;
        if (chance.oneIn(16)) {
            ssid = chance.pick(Request.NO_SUBSTREAM, (int) chance.bits(20), 0, 1 << chance.below(20));
        }
        var access = chance.oneIn(6) ? Access.EXECUTE : chance.oneIn(2) ? Access.WRITE : Access.READ;
        return new Request(sid, ssid, address, access, chance.oneIn(3));
    }

    // ---------------------------------------------------------------- small choices

    /** For IPS and S2PS: as much as the SMMU can, most often. */
    private int outputSize() {
        return chance.oneIn(4) ? chance.below(8) : chance.pick(identity.oas(), 6, 7);
    }

    private int bitsOf(int size) {
        return Math.min(identity.outputBits(), new int[] {32, 36, 40, 42, 44, 48, 52, 52}[size]);
    }

    private static void put(long[] words, int high, int low, long value) {
        long mask = -1L >>> 63 - high + low << low % 64;
        words[low / 64] = words[low / 64] & ~mask | value << low % 64 & mask;
    }
}
