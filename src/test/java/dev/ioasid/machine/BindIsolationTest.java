package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Architecture;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever a guest writes in the tables that it has bound, no request on its routes reaches memory that the parent does not map, none
 * writes where the parent forbids it, and each is answered.
 */
class BindIsolationTest {
    private static final int REQUESTS = 1_000_000;
    private static final int BATCH = 1000;
    private static final long PAGE = 4096;
    private static final int GUEST_PAGES = 24;
    private static final int ROUTES = 4;
    /** Where the guest's memory lies, every other page; what lies between is somebody else's. */
    private static final long MEMORY = 0x40_0000;

    private static final Rid DEVICE = new Rid(0, 1, 0, 0);

    private final SplittableRandom random = new SplittableRandom(7);
    private final Map<Long, Boolean> writableAt = new HashMap<>(); // by host physical page

    private Architecture architecture = Architecture.VTD;

    @ParameterizedTest
    @EnumSource
    void garbageLeadsNowhereButIntoTheGuestsOwnMemory(Architecture on) {
        architecture = on;
        try (var machine = Machine.create("fuzz", 1L << 28, List.of(), Preset.EMPTY)) {
            machine.apply(new Command.CreateIommu("u", true, on.capabilities()));
            machine.apply(
                    new Command.CreateDevice(DEVICE, "u", new DeviceTraits(null, 8, true, true, null, List.of())));
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", null, null, null));
            for (int page = 0; page < GUEST_PAGES; page++) {
                long place = MEMORY + 2 * page * PAGE;
                boolean writable = page % 4 != 3;
                writableAt.put(place, writable);
                machine.apply(new Command.Map(
                        1,
                        List.of(new MapRequest(
                                page * PAGE, PAGE, writable ? Permissions.READ_WRITE : Permissions.READ, place))));
            }
            for (int pasid = 1; pasid <= ROUTES; pasid++) {
                int width = pasid % 2 == 0 ? 48 : on == Architecture.VTD ? 57 : 47;
                machine.apply(new Command.Bind(new Route(DEVICE, pasid), 1, on.firstStage(), width, 0));
            }
            var between = filledWithWitnesses(machine);
            var outcomes = new TreeMap<String, Integer>();
            for (int done = 0; done < REQUESTS; done += BATCH) {
                if (done % (20 * BATCH) == 0) {
                    rewriteTables(machine);
                }
                check(machine, requests(), outcomes);
            }
            between.forEach((address, bytes) -> assertThat(machine.memory().read(address, bytes.length))
                    .as("memory of others at 0x%x", address)
                    .isEqualTo(bytes));
            // it is worth something: many requests get through, and the walks fail in many ways
            assertThat(outcomes.get("translated")).isGreaterThan(REQUESTS / 10);
            assertThat(outcomes)
                    .containsKeys(
                            switch (on) {
                                case VTD ->
                                    new String[] {"SFS.2", "SFS.3", "SFS.8", "SGN.1", "SGN.2", "SGN.6", "SSS.2"};
                                case SMMUV3 -> new String[] {"F_TRANSLATION", "F_PERMISSION", "F_ACCESS"};
                            });
        }
    }

    private Map<Long, byte[]> filledWithWitnesses(Machine machine) {
        var between = new HashMap<Long, byte[]>();
        for (int page = 0; page < GUEST_PAGES; page++) {
            var bytes = new byte[(int) PAGE];
            random.nextBytes(bytes);
            long address = MEMORY + (2 * page + 1) * PAGE;
            machine.apply(new Command.WriteMemory(address, bytes));
            between.put(address, bytes);
        }
        return between;
    }

    /** The guest writes all of its pages: links that might be right, links that lead astray, and noise. */
    private void rewriteTables(Machine machine) {
        for (int page = 0; page < GUEST_PAGES; page++) {
            var words = ByteBuffer.allocate((int) PAGE).order(ByteOrder.LITTLE_ENDIAN);
            while (words.hasRemaining()) {
                words.putLong(entry());
            }
            machine.apply(new Command.WriteMemory(MEMORY + 2 * page * PAGE, words.array()));
        }
        for (int bind = 1; bind <= ROUTES; bind++) {
            machine.apply(new Command.ReplaceBind(bind, null, null, random.nextInt(GUEST_PAGES) * PAGE));
        }
    }

    private long entry() {
        return switch (architecture) {
            case VTD -> x86Entry();
            case SMMUV3 -> armEntry();
        };
    }

    /** Valid, a table or a page, for unprivileged writes, accessed. */
    private long armEntry() {
        long flags = 0x443 | (random.nextInt(4) == 0 ? 0x80 : 0);
        return switch (random.nextInt(16)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextLong(1L << 48) & -PAGE | flags; // anywhere in the world
            case 2 -> MEMORY + random.nextInt(2 * GUEST_PAGES) * PAGE | flags; // a host physical address
            case 3 -> random.nextInt(GUEST_PAGES) * PAGE | flags & ~2L; // a block
            case 4 -> random.nextInt(GUEST_PAGES) * PAGE | flags & ~(1L << random.nextInt(11));
            default -> random.nextInt(GUEST_PAGES) * PAGE | flags;
        };
    }

    private long x86Entry() {
        long flags = 0x27 | (random.nextBoolean() ? 0x40 : 0);
        return switch (random.nextInt(16)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextLong(1L << 46) & -PAGE | flags; // anywhere in the world
            case 2 -> MEMORY + random.nextInt(2 * GUEST_PAGES) * PAGE | flags; // a host physical address
            case 3 -> random.nextInt(GUEST_PAGES) * PAGE | flags | 0x80; // a large page
            case 4 -> random.nextInt(GUEST_PAGES) * PAGE | flags & ~(1L << random.nextInt(6));
            default -> random.nextInt(GUEST_PAGES) * PAGE | flags;
        };
    }

    private List<DmaRequest> requests() {
        var requests = new ArrayList<DmaRequest>(BATCH);
        for (int i = 0; i < BATCH; i++) {
            long iova = switch (random.nextInt(8)) {
                case 0 -> random.nextLong();
                case 1 -> random.nextLong() >> 16; // canonical
                default -> random.nextLong(1L << 47);
            };
            var access = random.nextBoolean() ? Access.READ : Access.WRITE;
            requests.add(new DmaRequest(DEVICE, 1 + random.nextInt(ROUTES), iova, access, false));
        }
        return requests;
    }

    private void check(Machine machine, List<DmaRequest> requests, Map<String, Integer> outcomes) {
        var answers = machine.apply(new Command.Translate(requests));
        assertThat(answers).hasSameSizeAs(requests);
        for (int i = 0; i < answers.size(); i++) {
            var outcome = switch (answers.get(i)) {
                case Translation.Translated translated -> {
                    var writable = writableAt.get(translated.address() & -PAGE);
                    boolean allowed = writable != null
                            && translated.pageSize() == PAGE
                            && (writable
                                    || requests.get(i).access() == Access.READ
                                            && !translated.permissions().write());
                    if (!allowed) {
                        throw new AssertionError(requests.get(i) + " escapes to " + translated);
                    }
                    yield "translated";
                }
                case Translation.Stalled stalled -> throw new AssertionError(stalled);
                case Translation.Completed completed -> throw new AssertionError(completed);
                case Translation.Faulted faulted -> faulted.fault().name();
            };
            outcomes.merge(outcome, 1, Integer::sum);
        }
    }
}
