package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.DmaRequest.Kind;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Invalidation.Cache;
import dev.ioasid.iommu.Invalidation.Granularity;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.machine.InvalidationRequest.Target;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Guests edit their tables at random, invalidate at random, also what they need not or should not, and the devices go on with their
 * DMA. Every answer must be one that the architecture allows: what the tables say now, or what they said at some time that no
 * invalidation has reached since, level by level. What was not present is never remembered.
 *
 * <p>The model does not know which caches there are, and how large. For each page of each bind it knows since when no copy of an entry
 * that leads to a table, and none of a leaf, can be older; and for each word of the tables all that it has held.
 */
class StaleAnswersTest {
    private static final int STEPS = 100_000;
    private static final long PAGE = 0x1000;
    private static final Rid RID1 = new Rid(0, 0x3a, 0, 0);
    private static final Rid RID2 = new Rid(0, 0x3b, 0, 0);
    private static final Rid RID3 = new Rid(0, 0x3c, 0, 0);
    private static final int WRITE = 2;
    private static final int USER = 4;
    private static final long ADDRESS = 0xffff_ffff_f000L;

    /** How an architecture writes entries, and what it calls what is wrong with them. */
    private enum Tables {
        VTD("x86-64", "0x71", "0x79", "0x81", "0x85") {
            @Override
            long entry(long address, boolean table, int level, int rights) {
                return address | 1 | rights | (table || level == 1 ? 0 : 0x80);
            }

            @Override
            boolean isTable(long entry, int level) {
                return level > 1 && (entry & 0x80) == 0;
            }

            @Override
            int rights(long entry, boolean table) {
                return (int) entry & (WRITE | USER);
            }
        },
        /** VMSAv8-64: tables take rights away, leaves grant them; pages are accessed, and of one ASID. */
        SMMUV3("armv8-stage1", "0x10", "0x10", "0x13", "0x13") {
            private static final long NO_USER = 1L << 61;
            private static final long NO_WRITE = 1L << 62;
            private static final int AP1 = 1 << 6;
            private static final int AP2 = 1 << 7;

            @Override
            long entry(long address, boolean table, int level, int rights) {
                boolean write = (rights & WRITE) != 0;
                boolean user = (rights & USER) != 0;
                if (table) {
                    return address | 3 | (write ? 0 : NO_WRITE) | (user ? 0 : NO_USER);
                }
                return address | (level == 1 ? 3 : 1) | 1 << 10 | 1 << 11 | (user ? AP1 : 0) | (write ? 0 : AP2);
            }

            @Override
            boolean isTable(long entry, int level) {
                return level > 1 && (entry & 2) != 0;
            }

            @Override
            int rights(long entry, boolean table) {
                return table
                        ? ((entry & NO_WRITE) == 0 ? WRITE : 0) | ((entry & NO_USER) == 0 ? USER : 0)
                        : ((entry & AP2) == 0 ? WRITE : 0) | ((entry & AP1) != 0 ? USER : 0);
            }
        };

        final String format;
        final String absent;
        final String hidden;
        final String notUser;
        final String readOnly;

        /** @param hidden the parent does not map it */
        Tables(String format, String absent, String hidden, String notUser, String readOnly) {
            this.format = format;
            this.absent = "fault " + absent;
            this.hidden = "fault " + hidden;
            this.notUser = "fault " + notUser;
            this.readOnly = "fault " + readOnly;
        }

        abstract long entry(long address, boolean table, int level, int rights);

        abstract boolean isTable(long entry, int level);

        abstract int rights(long entry, boolean table);
    }

    // guest memory of each parent, in pages
    private static final int ROOTS = 4;
    private static final int TABLES_OF_A_LEVEL = 3;
    private static final int FIRST_DATA = ROOTS + 3 * TABLES_OF_A_LEVEL;
    private static final int DATA = 24;
    /** Where a leaf of 2 MiB leads, all mapped by 4 KiB. */
    private static final long LARGE_DATA = 2L << 20;

    private static final int LARGE_PAGES = 8;

    /** A word's value, and when another took its place; for ever, if none has. */
    private record Held(long value, long until) {}

    private static final class Word {
        private final List<Held> past = new ArrayList<>();
        private long now;

        void set(long value, long time) {
            if (value != now) {
                past.add(new Held(now, time));
                now = value;
            }
        }
    }

    /** What a parent maps, and the words that its guest has written. */
    private static final class Guest {
        private final int ioasid;
        private final TreeMap<Long, Long> pages = new TreeMap<>(); // guest physical to host physical
        private final Set<Long> readOnly = new HashSet<>();
        private final Map<Long, Word> words = new HashMap<>();

        Guest(int ioasid) {
            this.ioasid = ioasid;
        }

        Word word(long at) {
            return words.computeIfAbsent(at, address -> new Word());
        }
    }

    /** How old copies for one page of a bind can be. */
    private static final class Age {
        /** Of entries that lead to tables, and of leaves, in the unit. */
        private long tables;

        private long leaves;
        /** Of what the device knows; it knows nothing unless it has asked. */
        private boolean asked;

        private long askedTables;
        private long askedLeaves;
    }

    private static final class Bound {
        private final int id;
        private final Guest guest;
        private final Route route;
        private final Map<Long, Age> ages = new HashMap<>();
        private long root;

        Bound(int id, Guest guest, Route route, long root) {
            this.id = id;
            this.guest = guest;
            this.route = route;
            this.root = root;
        }

        Age age(long page) {
            return ages.computeIfAbsent(page, address -> new Age());
        }

        void forgetAll(long time) {
            ages.values().forEach(age -> {
                age.tables = time;
                age.leaves = time;
            });
        }

        void deviceForgetsAll() {
            ages.values().forEach(age -> age.asked = false);
        }
    }

    private final List<Guest> guests = new ArrayList<>();
    private final List<Bound> binds = new ArrayList<>();
    private final List<Long> pages = new ArrayList<>();
    private Tables entries = Tables.VTD;
    private SplittableRandom random = new SplittableRandom();
    private long time;
    private int stale;
    private int translated;
    private int faulted;

    @ParameterizedTest
    @CsvSource({
        "VTD,    1, 64, 8",
        "VTD,    2, 4,  2",
        "VTD,    3, 1,  1",
        "SMMUV3, 4, 64, 8",
        "SMMUV3, 5, 4,  2",
        "SMMUV3, 6, 1,  1"
    })
    void everyAnswerIsOneThatTheArchitectureAllows(Tables architecture, long seed, int sets, int ways) {
        entries = architecture;
        random = new SplittableRandom(seed);
        try (var machine = Machine.create("m", 64L << 20, List.of(), Preset.EMPTY)) {
            setUp(machine, new CacheGeometry(sets, ways));
            for (int step = 0; step < STEPS; step++) {
                time++;
                int what = random.nextInt(1000);
                if (what < 100) {
                    edit(machine);
                } else if (what < 130) {
                    invalidate(machine);
                } else if (what < 132) {
                    remap(machine);
                } else if (what < 133) {
                    replace(machine);
                } else {
                    dma(machine);
                }
            }
        }
        assertThat(translated).isGreaterThan(STEPS / 20);
        assertThat(faulted).isGreaterThan(STEPS / 20);
        assertThat(stale).as("answers that the tables no longer give").isGreaterThan(STEPS / 1000);
    }

    private void setUp(Machine machine, CacheGeometry geometry) {
        boolean smmu = entries == Tables.SMMUV3;
        var names = smmu
                ? List.of("ste", "cd", "tlb", "atc")
                : List.of(
                        "iotlb",
                        "first-stage-paging-structure-cache",
                        "second-stage-paging-structure-cache",
                        "pasid-cache",
                        "context-cache",
                        "device-tlb");
        var caches = new HashMap<String, CacheGeometry>();
        names.forEach(name -> caches.put(name, geometry));
        IommuCapabilities capabilities = smmu ? SmmuCapabilities.DEFAULT : VtdCapabilities.DEFAULT;
        machine.apply(new Command.CreateIommu("iommu0", true, capabilities, caches));
        for (var rid : List.of(RID1, RID2, RID3)) {
            machine.apply(
                    new Command.CreateDevice(rid, "iommu0", new DeviceTraits(null, 20, true, true, null, List.of())));
        }
        for (int id = 1; id <= 2; id++) {
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "iommu0", null, null, null));
            var guest = new Guest(id);
            guests.add(guest);
            for (long page = 0; page < FIRST_DATA + DATA; page++) {
                map(machine, guest, page * PAGE, true);
            }
            for (long page = 0; page < LARGE_PAGES; page++) {
                map(machine, guest, LARGE_DATA + page * PAGE, page % 4 != 3);
            }
        }
        bind(machine, guests.get(0), new Route(RID1, 1), 0);
        bind(machine, guests.get(0), new Route(RID1, 2), 1);
        bind(machine, guests.get(1), new Route(smmu ? RID3 : RID1, 3), 0); // an SMMU's streams have one parent each
        bind(machine, guests.get(1), Route.of(RID2), 1);
        for (int i4 = 0; i4 < 2; i4++) {
            for (int i3 = 0; i3 < 2; i3++) {
                for (int i2 = 0; i2 < 2; i2++) {
                    for (int i1 = 0; i1 < 4; i1++) {
                        pages.add((long) i4 << 39 | (long) i3 << 30 | (long) i2 << 21 | (long) i1 << 12);
                    }
                }
            }
        }
        for (var guest : guests) {
            for (int level = 4; level >= 1; level--) {
                for (int number = 0; number < (level == 4 ? 2 : TABLES_OF_A_LEVEL); number++) {
                    for (int index = 0; index < (level == 1 ? 4 : 2); index++) {
                        edit(machine, guest, level, number, index);
                    }
                }
            }
        }
    }

    private void map(Machine machine, Guest guest, long at, boolean writable) {
        var permissions = writable ? Permissions.READ_WRITE : Permissions.READ;
        var mapping = machine.apply(new Command.Map(guest.ioasid, List.of(new MapRequest(at, PAGE, permissions, null))))
                .getFirst();
        guest.pages.put(at, mapping.extents().getFirst().physicalAddress());
        if (writable) {
            guest.readOnly.remove(at);
        } else {
            guest.readOnly.add(at);
        }
    }

    private void bind(Machine machine, Guest guest, Route route, int root) {
        var bind = machine.apply(new Command.Bind(route, guest.ioasid, entries.format, 48, root * PAGE));
        binds.add(new Bound(bind.id(), guest, route, root * PAGE));
    }

    private static long table(int level, int number) {
        return (ROOTS + (3 - level) * TABLES_OF_A_LEVEL + number) * PAGE;
    }

    /** A guest writes an entry somewhere on the way of a page. */
    private void edit(Machine machine) {
        int level = 1 + random.nextInt(random.nextInt(4) == 0 ? 4 : 2);
        int number = random.nextInt(level == 4 ? 2 : TABLES_OF_A_LEVEL);
        edit(machine, guests.get(random.nextInt(2)), level, number, random.nextInt(level == 1 ? 4 : 2));
    }

    private void edit(Machine machine, Guest guest, int level, int number, int index) {
        long at = (level == 4 ? number * PAGE : table(level, number)) + index * 8L;
        int rarely = level == 1 ? 8 : 30;
        int rights = (random.nextInt(rarely) == 0 ? 0 : WRITE) | (random.nextInt(rarely) == 0 ? 0 : USER);
        long entry;
        if (random.nextInt(rarely) == 0) {
            entry = 0;
        } else if (level == 1) {
            entry = entries.entry((FIRST_DATA + random.nextInt(DATA)) * PAGE, false, level, rights);
        } else if (level == 2 && random.nextInt(5) == 0) {
            entry = entries.entry(LARGE_DATA, false, level, rights);
        } else {
            entry = entries.entry(table(level - 1, random.nextInt(TABLES_OF_A_LEVEL)), true, level, rights);
        }
        if (guest.pages.containsKey(at & -PAGE)) {
            var bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(entry);
            machine.apply(new Command.WriteThrough(guest.ioasid, at, bytes.array()));
            guest.word(at).set(entry, time);
        }
    }

    /** The parent takes a page away, or gives one that is new and empty. */
    private void remap(Machine machine) {
        var guest = guests.get(random.nextInt(2));
        boolean table = random.nextInt(4) == 0;
        long at = (table ? ROOTS + random.nextInt(FIRST_DATA - ROOTS) : FIRST_DATA + random.nextInt(DATA)) * PAGE;
        if (guest.pages.remove(at) == null) {
            map(machine, guest, at, table || random.nextInt(4) != 0);
            return;
        }
        machine.apply(new Command.Unmap(guest.ioasid, at, PAGE));
        guest.words.forEach((address, word) -> {
            if ((address & -PAGE) == at) {
                word.set(0, time);
            }
        });
        if (random.nextInt(4) != 0) {
            map(machine, guest, at, table || random.nextInt(4) != 0);
        }
        // whatever was derived from the parent is forgotten, in the unit and in the devices
        for (var bound : binds) {
            if (bound.guest == guest) {
                bound.forgetAll(time);
                bound.deviceForgetsAll();
            }
        }
    }

    private void replace(Machine machine) {
        var bound = binds.get(random.nextInt(binds.size()));
        bound.root ^= PAGE; // by the same one nothing would change, and nothing be forgotten
        machine.apply(new Command.ReplaceBind(bound.id, null, null, bound.root));
        bound.forgetAll(time);
        bound.deviceForgetsAll();
    }

    private void invalidate(Machine machine) {
        var caches = EnumSet.noneOf(Cache.class);
        for (var cache : Cache.values()) {
            if (random.nextInt(3) == 0) {
                caches.add(cache);
            }
        }
        var granularity = Granularity.values()[random.nextInt(3)];
        if (caches.isEmpty()) {
            caches.add(Cache.IOTLB);
        }
        if (granularity == Granularity.RANGE) {
            caches.remove(Cache.PASID);
            if (caches.isEmpty()) {
                caches.add(Cache.DEV_IOTLB);
            }
        }
        long first = pages.get(random.nextInt(pages.size())) - random.nextInt(2) * PAGE;
        first = Math.max(first, 0);
        long last = first + (1L + random.nextInt(random.nextInt(8) == 0 ? 2048 : 4)) * PAGE - 1;
        boolean leaf = random.nextBoolean();
        var what = granularity == Granularity.RANGE
                ? new Invalidation(caches, granularity, first, last, leaf)
                : new Invalidation(caches, granularity, 0, -1, false);
        var bound = binds.get(random.nextInt(binds.size()));
        switch (random.nextInt(4)) {
            case 0 -> {
                machine.apply(new Command.Invalidate(
                        List.of(new InvalidationRequest(new Target.OfIoasid(bound.guest.ioasid), what))));
                for (var other : binds) {
                    if (other.guest == bound.guest) { // of the parent: everything, whatever the range
                        reached(other, new Invalidation(caches, Granularity.PASID, 0, -1, false));
                    }
                }
            }
            case 1 -> {
                machine.apply(new Command.Invalidate(
                        List.of(new InvalidationRequest(new Target.OfRoute(bound.route), what))));
                reached(bound, what);
            }
            default -> {
                machine.apply(
                        new Command.Invalidate(List.of(new InvalidationRequest(new Target.OfBind(bound.id), what))));
                reached(bound, what);
            }
        }
    }

    private void reached(Bound bound, Invalidation what) {
        for (long page : pages) {
            var age = bound.age(page);
            boolean met = what.granularity() != Granularity.RANGE || page <= what.last() && page + PAGE > what.first();
            if (met && what.caches().contains(Cache.IOTLB)) {
                age.leaves = time;
                age.tables = what.leavesOnly() ? age.tables : time;
            }
            if (met && what.caches().contains(Cache.DEV_IOTLB)) {
                age.asked = false;
            }
        }
    }

    private void dma(Machine machine) {
        var bound = binds.get(random.nextInt(binds.size()));
        long page = pages.get(random.nextInt(pages.size()));
        boolean ask = random.nextInt(10) == 0;
        var access = !ask && random.nextBoolean() ? Access.WRITE : Access.READ;
        long iova = page + random.nextInt((int) PAGE);
        var request = new DmaRequest(
                bound.route.rid(),
                bound.route.pasid(),
                iova,
                access,
                false,
                ask ? Kind.TRANSLATION_REQUEST : Kind.UNTRANSLATED,
                false);
        var answer = machine.apply(new Command.Translate(List.of(request))).getFirst();
        var age = bound.age(page);
        var allowed = new HashSet<String>();
        boolean known = age.asked && !ask;
        long tables = known ? Math.min(age.tables, age.askedTables) : age.tables;
        long leaves = known ? Math.min(age.leaves, age.askedLeaves) : age.leaves;
        walk(bound, page, access, ask, bound.root, 4, WRITE | USER, tables, leaves, allowed);
        var text = text(answer, iova);
        assertThat(allowed)
                .as("step %d: %s of bind %d at 0x%x", time, ask ? "translation request" : access, bound.id, page)
                .contains(text);
        var fresh = new HashSet<String>();
        walk(bound, page, access, ask, bound.root, 4, WRITE | USER, Long.MAX_VALUE, Long.MAX_VALUE, fresh);
        stale += fresh.contains(text) ? 0 : 1;
        if (text.startsWith("fault")) {
            faulted++;
        } else {
            translated++;
        }
        if (ask && !age.asked) {
            age.asked = true;
            age.askedTables = age.tables;
            age.askedLeaves = age.leaves;
        }
    }

    private static String text(Translation answer, long iova) {
        return switch (answer) {
            case Translation.Translated page ->
                "0x%x %s".formatted(page.address() - (iova & PAGE - 1), page.permissions());
            case Translation.Faulted(var fault) -> "fault 0x%x".formatted(fault.code());
            case Translation.Stalled stalled -> throw new AssertionError(stalled);
            case Translation.Completed completed ->
                completed.fault() == null
                        ? "0x%x %s".formatted(completed.address() - (iova & PAGE - 1), completed.permissions())
                        : "fault 0x%x".formatted(completed.fault().code());
        };
    }

    /** Every answer of a walk that may read any word as it is, or as it was after {@code tables} or {@code leaves}. */
    private void walk(
            Bound bound,
            long page,
            Access access,
            boolean ask,
            long table,
            int level,
            int rights,
            long tables,
            long leaves,
            Set<String> answers) {
        if (!bound.guest.pages.containsKey(table)) {
            answers.add(entries.hidden);
            return;
        }
        int shift = 12 + 9 * (level - 1);
        var word = bound.guest.word(table + (page >>> shift & 511) * 8);
        step(bound, page, access, ask, word.now, level, rights, tables, leaves, answers);
        for (var held : word.past) {
            boolean leaf = !entries.isTable(held.value(), level);
            if ((held.value() & 1) != 0 && held.until() > (leaf ? leaves : tables)) {
                step(bound, page, access, ask, held.value(), level, rights, tables, leaves, answers);
            }
        }
    }

    private void step(
            Bound bound,
            long page,
            Access access,
            boolean ask,
            long entry,
            int level,
            int rights,
            long tables,
            long leaves,
            Set<String> answers) {
        if ((entry & 1) == 0) {
            answers.add(entries.absent);
            return;
        }
        boolean table = entries.isTable(entry, level);
        int common = rights & entries.rights(entry, table);
        if (table) {
            walk(bound, page, access, ask, entry & ADDRESS, level - 1, common, tables, leaves, answers);
            return;
        }
        if ((common & USER) == 0) {
            answers.add(entries.notUser);
            return;
        }
        boolean writable = (common & WRITE) != 0;
        if (access == Access.WRITE && !writable) {
            answers.add(entries.readOnly);
            return;
        }
        long guestPage = entry & ADDRESS | (level == 2 ? page & 0x1f_ffff : 0);
        var host = bound.guest.pages.get(guestPage);
        if (host == null) {
            answers.add(entries.hidden);
            return;
        }
        boolean both = writable && !bound.guest.readOnly.contains(guestPage);
        if (access == Access.WRITE && !both) {
            answers.add(entries.readOnly);
            return;
        }
        answers.add("0x%x %s".formatted(host, both ? "rw" : "r"));
    }
}
