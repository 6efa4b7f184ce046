package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.vtd.oracle.Unit;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A unit with random capabilities and random tables in a small memory, so that tables meet; about a quarter is then broken.
 * The same seed gives the same tables.
 */
final class RandomTables {
    static final int PAGES = 24;
    static final long SIZE = PAGES * 0x1000L;
    private static final int HOLE_PAGE = 7;
    private static final long HOLE = HOLE_PAGE * 0x1000L;

    // ignored, or set by hardware
    private static final long SECOND_STAGE_IGNORED = 0x9ff000000000077cL; // 63, 60:52, 10:8, 6:2
    private static final long FIRST_STAGE_IGNORED = 0xfff0000000000f78L; // 63:52, 11:8, 6:3

    private final Random random;
    private final long[] words = new long[(int) SIZE / 8];
    private final List<Integer> written = new ArrayList<>();
    private final List<Integer> freePages = new ArrayList<>();
    private final List<DmaRequest> targets = new ArrayList<>();
    private final Map<Long, Long> homes = new HashMap<>(); // where guest pages of first-stage tables are in memory

    final boolean hole;
    final Unit unit;
    final List<DmaRequest> requests = new ArrayList<>();

    private final int version;
    private long cap;
    private long ecap;
    private int hostAddressWidth;
    private final boolean legacy;
    private final boolean highRights;
    private final boolean crowded;

    RandomTables(long seed) {
        this.random = new Random(seed);
        this.hole = oneIn(5);
        this.crowded = oneIn(4);
        this.legacy = oneIn(4);
        this.version = oneIn(8) ? 0x80 : oneIn(3) ? 0x10 : 0x60;
        capabilities();
        this.highRights = !legacy && (ecap >>> 57 & 1) != 0 && oneIn(2);
        for (int page = 0; page < PAGES; page++) {
            if (!(hole && page == HOLE_PAGE)) {
                freePages.add(page);
            }
        }
        Collections.shuffle(freePages, random);

        long root = page();
        for (int device = 0, devices = 1 + random.nextInt(2); device < devices; device++) {
            device(root);
        }
        if (oneIn(4)) {
            for (int defects = 1 + random.nextInt(2); defects > 0; defects--) {
                damage();
            }
        }
        long rootTable = root | (legacy ? 0 : 1L << 10) | (highRights ? 1L << 7 : 0);
        if (oneIn(100)) {
            rootTable = rootTable & ~0xc00L | (long) random.nextInt(4) << 10;
        }
        if (oneIn(100)) {
            rootTable = rootTable & 0xfff | wildAddress() & ~(-1L << hostAddressWidth);
        }
        this.unit = new Unit(version, cap, ecap, hostAddressWidth, rootTable, true);
        for (int i = 0; i < 4; i++) {
            requests.add(request());
        }
    }

    private void capabilities() {
        cap = 0x91D2078C22400000L; // ZLR, FRO, all leaf sizes, 8 records, FS1GP, FS5LP
        cap |= pick(6, 6, 6, 6, 3, 0); // ND
        cap |= pick(0b110, 0b110, 0b1110, 0b1110, 0b1000, 0b10, 0b1010) << 8; // SAGAW
        int inputBits = (int) pick(39, 48, 48, 57, 57, 44);
        cap |= (long) (inputBits - 1) << 16; // MGAW
        hostAddressWidth = Math.min(inputBits, (int) pick(36, 39, 46, 52, 52));
        if (oneIn(10)) {
            cap &= ~(0xfL << 34);
            cap |= pick(0, 1) << 34; // SSLPS
        }
        cap &= oneIn(10) ? ~(1L << 56) : -1;
        cap &= oneIn(10) ? ~(1L << 60) : -1;
        ecap = 0x0033ED9EA4000FC7L;
        for (int bit : new int[] {2, 6, 7, 29, 31, 34, 40, 43, 45, 49, 52, 53}) {
            ecap &= oneIn(150) ? ~(1L << bit) : -1;
        }
        if (oneIn(100)) {
            ecap &= ~(1L << 48 | 1L << 45 | 1L << 34); // SMPWCS and what needs it
        }
        if (oneIn(150)) {
            ecap &= ~(1L << 46 | 1L << 45 | 1L << 26); // SSTS
        }
        if (oneIn(150)) {
            ecap &= ~(1L << 47 | 1L << 34 | 1L << 26); // FSTS
        }
        if (oneIn(150)) {
            ecap &= ~(1L << 26); // NEST
        }
        ecap |= oneIn(8) ? 1L << 57 : 0; // SSIRWS
        if (oneIn(20)) {
            ecap &= ~(0x1fL << 35);
            ecap |= (long) random.nextInt(20) << 35; // PSS
        }
    }

    // ---------------------------------------------------------------- structures

    private void device(long root) {
        var rid = Rid.ofSourceId(0, random.nextInt(4) << 8 | random.nextInt(256));
        if (legacy) {
            long context = subtable(root + rid.bus() * 16L) + rid.devfn() * 16L;
            int aw = someWidth();
            boolean passThrough = oneIn(6);
            long secondStage = page();
            set(context, 1 | fpd() | (passThrough ? 2 << 2 : oneIn(4) ? 1 << 2 : 0) | secondStage);
            set(context + 8, aw | noise(0x78) | domain() << 8);
            for (int i = 0; i < 3; i++) {
                long input = passThrough ? output() : input(secondStageBits(aw));
                if (!passThrough) {
                    mapSecondStage(secondStage, aw, input, output(), someLevel(cap >>> 34 & 3));
                }
                targets.add(new DmaRequest(rid, DmaRequest.NO_PASID, input, Access.READ, false));
            }
            return;
        }
        int devfn = rid.devfn();
        long context = subtable(root + rid.bus() * 16L + (devfn >= 0x80 ? 8 : 0)) + (devfn & 0x7f) * 32L;
        int directoryBits = (int) pick(0, 0, 1, 3, 7);
        boolean ridPasids = (ecap >>> 49 & 1) != 0;
        int ridPasid = ridPasids && !oneIn(4) ? somePasid(directoryBits) : 0;
        long directory = page();
        long pasids = (ecap >>> 40 & 1) != 0 ? 1 << 3 : 0;
        long pages = (ecap >>> 29 & 1) != 0 && (ecap >>> 2 & 1) != 0 && oneIn(2) ? 1 << 4 | 1 << 2 : 0;
        boolean ridPrivileged = (ecap >>> 53 & 1) != 0 && oneIn(8);
        set(context, 1 | fpd() | pasids | pages | (long) directoryBits << 9 | directory);
        set(context + 8, ridPasid | (ridPrivileged ? 1L << 20 : 0));
        for (int i = 0; i < 3; i++) {
            int pasid = i == 0 ? ridPasid : somePasid(directoryBits);
            long table = subtable(directory + (pasid >>> 6) * 8L);
            pasidEntry(rid, i == 0 ? DmaRequest.NO_PASID : pasid, table + (pasid & 63) * 64L);
        }
    }

    private void pasidEntry(Rid rid, int pasid, long entry) {
        if (entry < 0 || entry + 64 > SIZE) {
            return;
        }
        int type = (int) pick(1, 1, 2, 2, 3, 3, 3, 4);
        int aw = someWidth();
        boolean fiveLevels = (cap >>> 60 & 1) != 0 && oneIn(3);
        boolean first = type == 1 || type == 3;
        boolean second = type == 2 || type == 3;
        boolean snooped = (ecap >>> 48 & 1) != 0 && !oneIn(8);
        long marks = (ecap >>> 45 & 1) != 0 && oneIn(2) ? 1 << 9 : 0;
        long supervisor = (ecap >>> 31 & 1) != 0 && !oneIn(6) ? 1 : 0;
        long extended = (ecap >>> 34 & 1) != 0 && oneIn(2) ? 1 << 7 : 0;
        long secondRoot = page();
        long firstRoot = page();
        long guestOfFirstRoot = type == 3 ? guestPage(aw) : firstRoot;
        set(entry, 1 | fpd() | (long) type << 6 | (second ? (long) aw << 2 | marks | secondRoot : 0));
        set(entry + 8, domain() | (snooped ? 1L << 23 : 0));
        set(
                entry + 16,
                supervisor
                        | noise(0x60)
                        | (first ? (fiveLevels ? 1 << 2 : 0) | (oneIn(2) ? 1 << 4 : 0) | extended : 0)
                        | (first ? guestOfFirstRoot : 0));
        for (int i = 0; i < 3; i++) {
            long input = switch (type) {
                case 1, 3 -> signed(input(fiveLevels ? 57 : 48), fiveLevels ? 57 : 48);
                case 2 -> input(secondStageBits(aw));
                default -> output();
            };
            if (type == 2) {
                mapSecondStage(secondRoot, aw, input, output(), someLevel(cap >>> 34 & 3));
            } else if (type == 1) {
                mapFirstStage(firstRoot, fiveLevels ? 5 : 4, input, output());
            } else if (type == 3) {
                mapNested(secondRoot, aw, firstRoot, guestOfFirstRoot, fiveLevels ? 5 : 4, input);
            }
            targets.add(new DmaRequest(rid, pasid, input, Access.READ, false));
        }
    }

    private void mapSecondStage(long root, int aw, long input, long page, int leafLevel) {
        long table = root;
        for (int level = aw + 2; level > leafLevel; level--) {
            long at = table + (input >>> 12 + 9 * (level - 1) & 511) * 8;
            long entry = get(at);
            if ((entry & (rights(3) | 3)) == 0) {
                entry = page() | rights(someRights()) | noise(SECOND_STAGE_IGNORED);
                set(at, entry);
            }
            table = entry & 0xfffffffffffffL & ~0xfffL;
        }
        long size = 0x1000L << 9 * (leafLevel - 1);
        long at = table + (input >>> 12 + 9 * (leafLevel - 1) & 511) * 8;
        long snoop = (ecap >>> 7 & 1) != 0 && oneIn(3) ? 1 << 11 : 0;
        set(
                at,
                page & ~(size - 1)
                        | rights(someRights())
                        | snoop
                        | (leafLevel > 1 ? 1 << 7 : 0)
                        | noise(SECOND_STAGE_IGNORED));
    }

    private void mapFirstStage(long root, int levels, long input, long page) {
        long table = root;
        int leafLevel = someLevel(1 | (cap >>> 56 & 1) << 1);
        for (int level = levels; level > leafLevel; level--) {
            table = firstStageLink(table, level, input, -1, 0);
        }
        firstStageLeaf(table, leafLevel, input, page);
    }

    /** @param secondRoot where each new table is made known to the second stage; negative: there is none */
    private long firstStageLink(long table, int level, long input, long secondRoot, int aw) {
        long at = table + (input >>> 12 + 9 * (level - 1) & 511) * 8;
        long entry = get(at);
        if ((entry & 1) == 0) {
            long next = page();
            long address = next;
            if (secondRoot >= 0) {
                address = guestPage(aw);
                mapSecondStage(secondRoot, aw, address, next, 1);
                homes.put(address, next);
            }
            entry = address | 1 | firstRights() | noise(FIRST_STAGE_IGNORED);
            set(at, entry);
        }
        long address = entry & 0xffffffffff000L;
        return secondRoot >= 0 ? homes.getOrDefault(address, address) : address;
    }

    private void firstStageLeaf(long table, int leafLevel, long input, long page) {
        long size = 0x1000L << 9 * (leafLevel - 1);
        set(
                table + (input >>> 12 + 9 * (leafLevel - 1) & 511) * 8,
                page & ~(size - 1)
                        | 1
                        | firstRights()
                        | (leafLevel > 1 ? 1 << 7 | noise(1 << 12) : 0)
                        | noise(FIRST_STAGE_IGNORED));
    }

    private void mapNested(long secondRoot, int aw, long firstRoot, long guestOfFirstRoot, int levels, long input) {
        mapSecondStage(secondRoot, aw, guestOfFirstRoot, firstRoot, 1);
        long table = firstRoot;
        int leafLevel = someLevel(1 | (cap >>> 56 & 1) << 1);
        for (int level = levels; level > leafLevel; level--) {
            table = firstStageLink(table, level, input, secondRoot, aw);
        }
        int bits = oneIn(20) ? hostAddressWidth : Math.min(secondStageBits(aw), hostAddressWidth);
        long page = input(bits) & ~0xfffL;
        firstStageLeaf(table, leafLevel, input, page);
        long within = (0x1000L << 9 * (leafLevel - 1)) - 1;
        mapSecondStage(secondRoot, aw, page & ~within | input & within, output(), someLevel(cap >>> 34 & 3));
    }

    // ---------------------------------------------------------------- small choices

    /** The table that the entry points to, made if there is none. */
    private long subtable(long at) {
        if ((get(at) & 1) == 0) {
            set(at, page() | 1);
        }
        return get(at) & 0xffffffffff000L;
    }

    private long page() {
        if (freePages.isEmpty() || crowded && oneIn(3)) {
            return random.nextInt(PAGES) * 0x1000L;
        }
        return freePages.removeLast() * 0x1000L;
    }

    private long guestPage(int aw) {
        int bits = oneIn(40) ? hostAddressWidth : Math.min(secondStageBits(aw), hostAddressWidth);
        return (oneIn(3) ? random.nextInt(PAGES) * 0x1000L : input(bits)) & ~0xfffL;
    }

    private int someWidth() {
        int aw;
        do {
            aw = 1 + random.nextInt(3);
        } while ((cap >>> 8 + aw & 1) == 0);
        return aw;
    }

    private int secondStageBits(int aw) {
        return Math.min((int) (cap >>> 16 & 0x3f) + 1, 30 + 9 * aw);
    }

    /** @param large bit 0: level 2 may hold a leaf, bit 1: level 3 may */
    private int someLevel(long large) {
        return oneIn(3) && (large & 2) != 0 ? 3 : oneIn(2) && (large & 1) != 0 ? 2 : 1;
    }

    private int somePasid(int directoryBits) {
        int pasid = oneIn(4) ? random.nextInt(1 << 13) : random.nextInt(200);
        return oneIn(8) ? random.nextInt(1 << 20) & (1 << 13 + directoryBits) - 1 : pasid;
    }

    private long someRights() {
        return oneIn(20) ? pick(1, 2) : 3;
    }

    private long rights(long readWrite) {
        return highRights ? readWrite << 61 | noise(3) : readWrite;
    }

    private long firstRights() {
        return (oneIn(12) ? 0 : 1 << 1) | (oneIn(12) ? 0 : 1 << 2);
    }

    private long domain() {
        return random.nextInt(1 << 4 + 2 * (int) (cap & 7));
    }

    private long fpd() {
        return oneIn(8) ? 1 << 1 : 0;
    }

    /** Now and then some of the bits that mean nothing, or that hardware would set. */
    private long noise(long bits) {
        long some = random.nextLong();
        return oneIn(3) ? some & random.nextLong() & bits : 0;
    }

    private long input(int bits) {
        long input = random.nextLong() >>> 64 - bits;
        return switch (random.nextInt(12)) {
            case 0 -> input & 0xffffffffL; // low: tables are shared
            case 1 -> input | -1L >>> 64 - bits & ~0x3fffffffL; // high
            case 2 -> 0xfee00000L | input & 0xfffff;
            default -> input;
        };
    }

    private static long signed(long input, int bits) {
        return input << 64 - bits >> 64 - bits;
    }

    private long output() {
        if (oneIn(25)) {
            return 0xfee00000L + pick(-0x1000, 0, 0xff000, 0x100000);
        }
        return random.nextLong() >>> 64 - hostAddressWidth & ~0xfffL;
    }

    private long wildAddress() {
        return switch (random.nextInt(4)) {
            case 0 -> HOLE;
            case 1 -> SIZE + random.nextInt(8) * 0x1000L;
            case 2 -> random.nextInt(PAGES) * 0x1000L;
            default -> random.nextLong() >>> 12 + random.nextInt(40) & ~0xfffL;
        };
    }

    private void damage() {
        int word = written.get(random.nextInt(written.size()));
        long value = words[word];
        words[word] = switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> value & 0xfff | wildAddress();
            case 2 -> value & ~(1L << random.nextInt(3));
            case 3 -> random.nextLong();
            default -> value ^ 1L << random.nextInt(64);
        };
        if (oneIn(4)) { // beside it, where structures have more words
            words[(word + random.nextInt(8)) % words.length] |= 1L << random.nextInt(64);
        }
    }

    private DmaRequest request() {
        var target = targets.get(random.nextInt(targets.size()));
        long iova = target.iova() ^ (oneIn(3) ? random.nextInt(0x1000) : 0);
        iova ^= oneIn(20) ? 1L << random.nextInt(64) : 0;
        iova = oneIn(40) ? 0xfee00000L + random.nextInt(0x100000) : iova;
        var rid = oneIn(30) ? Rid.ofSourceId(0, target.rid().sourceId() ^ 1 << random.nextInt(16)) : target.rid();
        int pasid = target.pasid();
        if (oneIn(20)) {
            pasid = pasid == DmaRequest.NO_PASID || oneIn(2) ? random.nextInt(1 << 20) : DmaRequest.NO_PASID;
        } else if (pasid != DmaRequest.NO_PASID && oneIn(20)) {
            pasid ^= 1 << random.nextInt(20);
        }
        var access = oneIn(40) && pasid != DmaRequest.NO_PASID ? Access.EXECUTE : oneIn(2) ? Access.WRITE : Access.READ;
        return new DmaRequest(rid, pasid, iova, access, pasid != DmaRequest.NO_PASID && oneIn(3));
    }

    private long get(long address) {
        return inside(address) ? words[(int) (address / 8)] : 0;
    }

    private void set(long address, long value) {
        if (inside(address)) {
            words[(int) (address / 8)] = value;
            written.add((int) (address / 8));
        }
    }

    private static boolean inside(long address) {
        return address >= 0 && address < SIZE;
    }

    private boolean oneIn(int n) {
        return random.nextInt(n) == 0;
    }

    private long pick(long... choices) {
        return choices[random.nextInt(choices.length)];
    }

    // ---------------------------------------------------------------- what they become

    /** Memory for {@link #writeTo}: with a hole or without. */
    static PhysicalMemory memory(boolean hole) {
        return new PhysicalMemory(SIZE, hole ? List.of(AddressRange.of(HOLE, 0x1000)) : List.of());
    }

    void writeTo(PhysicalMemory memory) {
        restore(memory, hole, words);
    }

    static void restore(PhysicalMemory memory, boolean hole, long[] words) {
        var buffer = ByteBuffer.allocate((int) SIZE).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asLongBuffer().put(words);
        var bytes = buffer.array();
        if (hole) {
            int end = (int) HOLE + 0x1000;
            memory.write(0, Arrays.copyOfRange(bytes, 0, (int) HOLE));
            memory.write(end, Arrays.copyOfRange(bytes, end, bytes.length));
        } else {
            memory.write(0, bytes);
        }
    }

    /** All of memory; a hole reads as zeros. */
    static long[] image(PhysicalMemory memory, boolean hole) {
        var image = new byte[(int) SIZE];
        if (hole) {
            int end = (int) HOLE + 0x1000;
            System.arraycopy(memory.read(0, (int) HOLE), 0, image, 0, (int) HOLE);
            System.arraycopy(memory.read(end, (int) SIZE - end), 0, image, end, (int) SIZE - end);
        } else {
            image = memory.read(0, (int) SIZE);
        }
        var words = new long[(int) SIZE / 8];
        ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(words);
        return words;
    }

    VtdHardware hardware(PhysicalMemory memory) {
        var hardware = new VtdHardware(
                memory, VtdCapabilities.raw((long) version, cap, ecap, hostAddressWidth), CacheGeometries.DEFAULT);
        Bench.write(hardware, "RTADDR", unit.rootTable());
        Bench.write(hardware, "GCMD", 1L << 30);
        Bench.write(hardware, "GCMD", 1L << 31);
        return hardware;
    }
}
