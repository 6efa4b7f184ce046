package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random changes to processes, beside the plainest model there is: a sorted map from page numbers to rights and bytes. After each change random bytes
 * are read, and must be what the model says; at the end every frame is back.
 */
class ProcessModelTest {
    private static final int OPERATIONS = 20_000;
    private static final int PROCESSES = 3;
    /** Pages that are named, so that they meet: of two regions of the table each, and some far away. */
    private static final int NAMED = 96;

    /** @param bytes null: the page has not been touched */
    private record Page(Permissions permissions, byte @Nullable [] bytes) {}

    private final List<TreeMap<Long, Page>> models = new ArrayList<>(); // by number of the page
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private Random random = new Random();
    private long granule;
    private int bits;

    @ParameterizedTest
    @CsvSource({
        "x86-64,       4, 0x1000,  47, true,  1",
        "x86-64,       5, 0x1000,  56, false, 2",
        "armv8-stage1, 3, 0x1000,  39, false, 3",
        "armv8-stage1, 4, 0x1000,  48, true,  4",
        "armv8-stage1, 2, 0x4000,  36, true,  5",
        "armv8-stage1, 3, 0x10000, 48, false, 6"
    })
    void processesDoWhatTheModelDoes(
            String format, int levels, String granuleText, int userBits, boolean demandPaging, long seed) {
        random = new Random(seed);
        granule = Long.decode(granuleText);
        bits = userBits;
        long memory = (demandPaging ? 7 * levels : 3000) * granule; // too little now and then
        try (var machine = Machine.create("model", memory, List.of(), Preset.EMPTY)) {
            long free = machine.frames().freeBytes();
            for (int id = 1; id <= PROCESSES; id++) {
                machine.apply(new Command.CreateProcess(format, levels, granule, demandPaging));
                models.add(new TreeMap<>());
            }
            for (int i = 0; i < OPERATIONS; i++) {
                change(machine, format, levels, demandPaging);
                check(machine);
            }
            assertThat(outcomes.keySet())
                    .contains("map", "unmap", "read", "write", "touch", "exit", "EEXIST", "ENOENT", "EPERM", "ENOMEM");
            for (int id = 1; id <= PROCESSES; id++) {
                machine.apply(new Command.DeleteProcess(id));
            }
            assertThat(machine.frames().freeBytes()).as("all frames are back").isEqualTo(free);
        }
    }

    private TreeMap<Long, Page> model(int id) {
        return models.get(id - 1);
    }

    private void change(Machine machine, String format, int levels, boolean demandPaging) {
        int id = 1 + random.nextInt(PROCESSES);
        long before = machine.frames().freeBytes();
        String outcome;
        try {
            outcome = switch (random.nextInt(demandPaging ? 12 : 11)) {
                case 0, 1, 2 -> map(machine, id, demandPaging);
                case 3, 4, 5 -> unmap(machine, id);
                case 6, 7 -> read(machine, id);
                case 8, 9 -> write(machine, id);
                case 10 -> exit(machine, id, format, levels, demandPaging);
                default -> touch(machine, id);
            };
        } catch (RefusedException refused) {
            outcome = refused.errno().name();
            assertThat(machine.frames().freeBytes())
                    .as("a refusal changes nothing")
                    .isEqualTo(before);
        }
        if (!demandPaging) {
            outcomes.merge("touch", 1, Integer::sum); // there is none
        }
        outcomes.merge(outcome, 1, Integer::sum);
    }

    /** The number of a page at which others begin, too, or that is one of few at the end of what can be mapped. */
    private long page() {
        return random.nextInt(10) == 0
                ? (1L << bits) / granule - 1 - random.nextInt(4)
                : (1L << 19) - NAMED / 2 + random.nextInt(NAMED);
    }

    private String map(Machine machine, int id, boolean demandPaging) {
        long pages = random.nextInt(40) == 0 ? 2000 : 1 + random.nextInt(12);
        long first = page();
        boolean anywhere = random.nextInt(4) == 0;
        var permissions =
                Permissions.parse(List.of("r", "rw", "rw", "rx", "rwx").get(random.nextInt(5)));
        boolean taken = !model(id).subMap(first, first + pages).isEmpty();
        boolean beyond = (first + pages) * granule > 1L << bits;
        try {
            var made = machine.apply(
                    new Command.MapProcess(id, anywhere ? null : first * granule, pages * granule, permissions));
            assertThat(taken && !anywhere || beyond && !anywhere).isFalse();
            assertThat(made.residentBytes()).isEqualTo(demandPaging ? 0 : pages * granule);
            long at = made.address() / granule;
            if (anywhere) {
                assertThat(at).isEqualTo(lowest(id, pages));
            }
            for (long page = at; page < at + pages; page++) {
                model(id).put(page, new Page(permissions, demandPaging ? null : new byte[(int) granule]));
            }
            return "map";
        } catch (RefusedException refused) {
            switch (refused.errno()) {
                case EEXIST -> assertThat(taken).isTrue();
                case EINVAL -> assertThat(beyond).isTrue();
                default -> assertThat(refused.errno()).isEqualTo(demandPaging ? null : Errno.ENOMEM);
            }
            throw refused;
        }
    }

    private long lowest(int id, long pages) {
        long at = (1L << bits - 2) / granule;
        for (var next = model(id).ceilingKey(at);
                next != null && next < at + pages;
                next = model(id).ceilingKey(at)) {
            at = next + 1;
        }
        return at;
    }

    private String unmap(Machine machine, int id) {
        long first = page();
        long pages = random.nextInt(20) == 0 ? 1L << 20 : 1 + random.nextInt(24);
        if (random.nextInt(8) == 0 && !model(id).isEmpty()) {
            first = model(id).lastKey() - 1500;
            pages = 1501;
        }
        var gone = model(id).subMap(first, first + pages);
        try {
            assertThat(machine.apply(new Command.UnmapProcess(id, first * granule, pages * granule)))
                    .isEqualTo(gone.size() * granule);
            gone.clear();
            return "unmap";
        } catch (RefusedException refused) {
            assertThat(refused.errno()).isEqualTo(Errno.EINVAL);
            assertThat((first + pages) * granule).isGreaterThan(1L << bits);
            throw refused;
        }
    }

    private String read(Machine machine, int id) {
        long address = page() * granule + random.nextInt((int) granule);
        int length = length(3);
        var model = model(id);
        boolean mapped = isMapped(id, address, length);
        try {
            var read = machine.apply(new Command.ReadProcess(id, address, length));
            assertThat(mapped).isTrue();
            for (int i = 0; i < length; i += 1 + random.nextInt(100)) {
                assertThat(read[i]).isEqualTo(byteAt(model, address + i));
            }
            touched(model, address, length);
            return "read";
        } catch (RefusedException refused) {
            assertThat(refused.errno()).isEqualTo(mapped ? Errno.ENOMEM : Errno.ENOENT);
            throw refused;
        }
    }

    private int length(int pages) {
        return 1 + random.nextInt(random.nextInt(4) == 0 ? pages * (int) granule : 200);
    }

    private boolean isMapped(int id, long address, int length) {
        long first = address / granule;
        long last = (address + length - 1) / granule;
        return model(id).subMap(first, last + 1).size() == last - first + 1;
    }

    private byte byteAt(TreeMap<Long, Page> model, long address) {
        var bytes = Objects.requireNonNull(model.get(address / granule)).bytes();
        return bytes == null ? 0 : bytes[(int) (address % granule)];
    }

    private void touched(TreeMap<Long, Page> model, long address, int length) {
        for (long page = address / granule; page <= (address + length - 1) / granule; page++) {
            model.computeIfPresent(
                    page,
                    (number, old) -> old.bytes() == null ? new Page(old.permissions(), new byte[(int) granule]) : old);
        }
    }

    private String write(Machine machine, int id) {
        long address = page() * granule + random.nextInt((int) granule);
        var bytes = new byte[length(2)];
        random.nextBytes(bytes);
        var model = model(id);
        boolean mapped = isMapped(id, address, bytes.length);
        boolean allowed = model.subMap(address / granule, (address + bytes.length - 1) / granule + 1).values().stream()
                .allMatch(page -> page.permissions().write());
        try {
            machine.apply(new Command.WriteProcess(id, address, bytes));
            assertThat(mapped && allowed).isTrue();
            touched(model, address, bytes.length);
            for (int i = 0; i < bytes.length; i++) {
                Objects.requireNonNull(Objects.requireNonNull(model.get((address + i) / granule))
                                .bytes())[(int) ((address + i) % granule)] =
                        bytes[i];
            }
            return "write";
        } catch (RefusedException refused) {
            switch (refused.errno()) {
                case ENOENT -> assertThat(mapped).isFalse();
                case EPERM -> assertThat(allowed).isFalse();
                default -> assertThat(refused.errno()).isEqualTo(mapped && allowed ? Errno.ENOMEM : null);
            }
            throw refused;
        }
    }

    private String touch(Machine machine, int id) {
        long page = page();
        var wanted = Permissions.parse(List.of("r", "rw", "rx", "w").get(random.nextInt(4)));
        var there = model(id).get(page);
        boolean allowed = there != null
                && (there.permissions().write() || !wanted.write())
                && (there.permissions().execute() || !wanted.execute());
        var process = machine.processes().process(id);
        long free = machine.frames().freeBytes();
        if (machine.processes().touch(process, page * granule + random.nextInt((int) granule), wanted)) {
            assertThat(allowed).isTrue();
            touched(model(id), page * granule, 1);
        } else {
            assertThat(allowed && free > 8 * granule).isFalse();
            assertThat(machine.frames().freeBytes()).isEqualTo(free);
        }
        return "touch";
    }

    private String exit(Machine machine, int id, String format, int levels, boolean demandPaging) {
        if (random.nextInt(20) > 0) {
            return "nothing";
        }
        machine.apply(new Command.DeleteProcess(id));
        model(id).clear();
        var made = machine.apply(new Command.CreateProcess(format, levels, granule, demandPaging));
        assertThat(made.id()).isEqualTo(id);
        return "exit";
    }

    /** What is resident, and a few bytes where they are already. */
    private void check(Machine machine) {
        int id = 1 + random.nextInt(PROCESSES);
        var model = model(id);
        var resident =
                model.values().stream().filter(page -> page.bytes() != null).count();
        var summary = machine.read(view -> view.process(id));
        assertThat(summary.mappedBytes()).isEqualTo(model.size() * granule);
        assertThat(summary.residentBytes()).isEqualTo(resident * granule);
        long at = page() * granule + random.nextInt((int) granule);
        var page = model.get(at / granule);
        if (page != null && page.bytes() != null) {
            assertThat(machine.apply(new Command.ReadProcess(id, at, 1))).containsExactly(byteAt(model, at));
        }
    }
}
