package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.Architecture;
import dev.ioasid.Arrangement;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every command: it is done or has changed nothing, and the same commands make the same machine. */
class MachineCommandTest {
    /** Little, so that it runs out all the time. */
    private static final long MEMORY = 384L << 10;

    private static final long PAGE = 4096;
    private static final int DELETIONS = 120;
    private static final List<Rid> RIDS =
            List.of(new Rid(0, 0x3a, 0, 0), new Rid(0, 0x3a, 0, 1), new Rid(0, 0x3a, 0x10, 0), new Rid(0, 0xfe, 1, 0));

    static List<Command<?>> randomCommands(Architecture architecture, long seed, int count) {
        var random = new Random(seed);
        var commands = new ArrayList<Command<?>>();
        commands.add(new Command.CreateIommu("iommu0", true, architecture.capabilities()));
        for (int i = 0; i < count; i++) {
            commands.add(randomCommand(random));
        }
        return commands;
    }

    private static Command<?> randomCommand(Random random) {
        var rid = RIDS.get(random.nextInt(RIDS.size()));
        int id = 1 + random.nextInt(4);
        var route = random.nextBoolean()
                ? Route.of(rid)
                : new Route(rid, random.nextInt(5) == 0 ? 70 : 1 + random.nextInt(3));
        var replace = Replace.values()[random.nextInt(3)];
        return switch (random.nextInt(19)) {
            case 0 ->
                new Command.CreateDevice(
                        rid,
                        "iommu0",
                        new DeviceTraits(
                                "d",
                                random.nextInt(8) == 0 ? 0 : 13,
                                false,
                                false,
                                random.nextInt(3),
                                List.of(),
                                null,
                                regions(random)));
            case 1 -> new Command.DeleteDevice(rid);
            case 2 ->
                new Command.CreateIoasid(
                        IoasidType.values()[random.nextInt(3)], null, null, random.nextInt(9) == 0 ? 57 : null, null);
            case 3 -> new Command.DeleteIoasid(id);
            case 4 -> new Command.AllocatePasid(rid, random.nextBoolean() ? null : random.nextInt(4), null);
            case 5 -> new Command.FreePasid(rid, random.nextInt(4));
            case 6, 7 -> new Command.Attach(route, id, replace);
            case 8 -> new Command.Detach(route);
            case 9 -> new Command.Unmap(id, random.nextInt(64) * PAGE, (1 + random.nextInt(32)) * PAGE);
            case 10 -> random.nextInt(6) == 0 ? new Command.UnmapAll(id) : new Command.ClearFaults("iommu0");
            case 11 ->
                new Command.Translate(
                        List.of(new DmaRequest(rid, route.pasid(), random.nextInt(64) * PAGE, Access.READ, false)));
            case 12 -> new Command.Inject(injection(random, rid), random.nextInt(4) == 0 ? null : random.nextInt(4));
            case 13 -> random.nextBoolean() ? new Command.RemoveInjection(id) : new Command.ReleaseInjection(id);
            case 14 ->
                new Command.StartDma(
                        rid, DmaOrder.write(route.pasid(), (1 + random.nextInt(150)) * PAGE - 8, new byte[16]));
            default -> new Command.Map(id, requests(random));
        };
    }

    /** Mostly none; otherwise where memory ends, or behind. */
    private static List<AddressRange> regions(Random random) {
        return random.nextInt(4) > 0
                ? List.of()
                : List.of(AddressRange.of((90 + random.nextInt(60)) * PAGE, (1 + random.nextInt(3)) * PAGE));
    }

    private static Injection injection(Random random, Rid rid) {
        long page = random.nextInt(100) * PAGE;
        return switch (random.nextInt(5)) {
            case 0 -> new Injection.PoisonedMemory(new AddressRange(page, page + random.nextInt(1 << 13)));
            case 1 -> new Injection.SilentDevice(rid);
            case 2 -> new Injection.FullQueue("iommu" + random.nextInt(2), Injection.Queue.FAULTS);
            case 3 -> new Injection.DelayedResponse(rid);
            default -> new Injection.MalformedRequest(rid, new Injection.Flaw.StrayPasid(random.nextInt(1 << 20)));
        };
    }

    /** One or several, now and then with one among them that cannot be. */
    private static List<MapRequest> requests(Random random) {
        var requests = new ArrayList<MapRequest>();
        for (int i = random.nextInt(4); i >= 0; i--) {
            long iova = random.nextInt(10) == 0 ? random.nextLong() : (long) random.nextInt(64) * PAGE;
            long length = random.nextInt(10) == 0 ? random.nextLong(1 << 22) : (1L + random.nextInt(24)) * PAGE;
            requests.add(new MapRequest(
                    random.nextInt(3) == 0 ? null : iova,
                    length,
                    Permissions.READ_WRITE,
                    random.nextInt(3) == 0 ? (long) random.nextInt(110) * PAGE : null));
        }
        return requests;
    }

    /** All that can be asked of a machine, but for what faults and translations leave behind. */
    private static List<Object> state(Machine machine) {
        return machine.read(view -> {
            var state = new ArrayList<Object>();
            state.add(view.devices());
            state.add(view.ioasids());
            state.add(view.topology());
            state.add(view.injections());
            for (var device : view.devices()) {
                state.add(view.pasids(device.rid()));
            }
            for (var ioasid : view.ioasids()) {
                if (ioasid.type() == IoasidType.PAGING) {
                    state.add(view.mappings(ioasid.id(), null, Integer.MAX_VALUE));
                    state.add(view.iovaRanges(ioasid.id()));
                }
            }
            return state;
        });
    }

    private static byte[] memory(Machine machine) {
        return machine.memory().read(0, (int) MEMORY);
    }

    /** A ring, and the page behind it with its status, tells what a unit was asked for, what was undone then included. */
    private static byte[] memoryButTheRings(Machine machine) {
        var memory = memory(machine);
        machine.read(view -> {
            for (var iommu : view.iommus()) {
                var registers = view.registers(iommu.name());
                if (iommu.managed()) {
                    switch (iommu.capabilities().type()) {
                        case VTD -> clear(memory, registers.getOrDefault("IQA", 0L) & -PAGE, 2 * PAGE);
                        case SMMUV3 -> clear(memory, registers.getOrDefault("CMDQ_BASE", 0L));
                    }
                }
            }
            return null;
        });
        return memory;
    }

    static Stream<Arguments> seeds() {
        return Arrays.stream(Architecture.values())
                .flatMap(architecture ->
                        LongStream.rangeClosed(1, 8).mapToObj(seed -> Arguments.of(architecture, seed)));
    }

    private static void clear(byte[] memory, long first, long length) {
        Arrays.fill(memory, (int) first, (int) (first + length), (byte) 0);
    }

    /** CMDQ_BASE: an address, and log2 of the number of commands of 16 bytes. */
    private static void clear(byte[] memory, long base) {
        clear(memory, base & ((1L << 52) - 1) & -32, 16L << (base & 31));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aRefusedCommandHasChangedNothing(Architecture architecture, long seed) {
        try (var machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY)) {
            Map<Errno, Integer> refusals = new EnumMap<>(Errno.class);
            for (var command : randomCommands(architecture, seed, 4000)) {
                var state = state(machine);
                var memory = memoryButTheRings(machine);
                long free = machine.frames().freeBytes();
                try {
                    machine.apply(command);
                } catch (RefusedException refused) {
                    refusals.merge(refused.errno(), 1, Integer::sum);
                    assertThat(Arrays.equals(memoryButTheRings(machine), memory))
                            .as("memory after %s", command)
                            .isTrue();
                    assertThat(state(machine)).as("state after %s", command).isEqualTo(state);
                    assertThat(machine.frames().freeBytes())
                            .as("frames after %s", command)
                            .isEqualTo(free);
                }
            }
            assertThat(refusals).containsKeys(Errno.EINVAL, Errno.EBUSY, Errno.EEXIST, Errno.ENOENT, Errno.ENOMEM);
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void theSameCommandsMakeTheSameMachine(Architecture architecture, long seed) {
        try (var first = Machine.create("m", MEMORY, List.of(), Preset.EMPTY);
                var second = Machine.create("m", MEMORY, List.of(), Preset.EMPTY)) {
            for (var command : randomCommands(architecture, seed + 10, 3000)) {
                assertThat(outcome(second, command)).isEqualTo(outcome(first, command));
            }
            assertThat(memory(second)).isEqualTo(memory(first));
            assertThat(state(second)).isEqualTo(state(first));
            assertThat(registers(second)).isEqualTo(registers(first));
        }
    }

    private static SequencedMap<String, Long> registers(Machine machine) {
        return machine.read(view -> view.registers("iommu0"));
    }

    private static Object outcome(Machine machine, Command<?> command) {
        try {
            return machine.apply(command);
        } catch (RefusedException refused) {
            return refused.errno() + " " + refused.getMessage();
        }
    }

    /** A walk in freed memory would end the whole test run, not only this test. */
    @ParameterizedTest
    @EnumSource
    void whoComesWhileAMachineIsDeletedIsAnsweredOrToldThatItIsGone(Architecture on) throws InterruptedException {
        var answered = new AtomicLong();
        var gone = new AtomicLong();
        for (int round = 0; round < DELETIONS; round++) {
            var machine = Machine.create("m", 64L << 20, List.of(), Preset.valueOf(on.name()));
            Arrangement.SHARED.commands(on).forEach(machine::apply);
            machine.apply(new Command.Map(3, List.of(new MapRequest(0L, 64 * PAGE, Permissions.READ_WRITE, null))));
            var done = new AtomicBoolean();
            var request = new DmaRequest(new Rid(0, 0x3b, 0, 0), DmaRequest.NO_PASID, 0x1000, Access.WRITE, false);
            var clients = new ArrayList<Thread>();
            for (int i = 0; i < 4; i++) {
                int kind = i;
                clients.add(Thread.startVirtualThread(() -> {
                    while (!done.get()) {
                        try {
                            switch (kind) {
                                case 0 -> machine.apply(new Command.Translate(List.of(request)));
                                case 1 -> machine.read(view -> view.explain(request));
                                case 2 -> machine.read(view -> view.readMemory(0, 1 << 20));
                                default -> machine.apply(new Command.WriteMemory(0x1000, new byte[4096]));
                            }
                            answered.incrementAndGet();
                        } catch (RefusedException refused) {
                            assertThat(refused.errno()).isEqualTo(Errno.ENOENT);
                            gone.incrementAndGet();
                            return;
                        }
                    }
                }));
            }
            Thread.sleep(1);
            machine.close();
            for (var client : clients) {
                client.join(10_000);
                assertThat(client.isAlive()).isFalse();
            }
            done.set(true);
        }
        assertThat(answered.get()).isPositive();
        assertThat(gone.get()).isEqualTo(4 * DELETIONS);
    }

    @Test
    void aClosedMachineAnswersNothing() {
        var machine = Machine.create("m", MEMORY, List.of(), Preset.EMPTY);
        machine.close();
        machine.close();
        assertThatThrownBy(() -> machine.read(MachineView::summary))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
    }
}
