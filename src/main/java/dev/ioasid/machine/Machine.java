package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.FrameCounters;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;

/**
 * One simulated machine.
 *
 * <p><b>Who may call.</b> Any thread. Commands are applied one at a time, under the write lock; questions are answered under
 * the read lock, several at a time, on a state that no command is changing. Its events may be read at any time. {@link #close} takes the write lock, so it waits for
 * what is in flight, and whoever comes later is told ENOENT: nobody touches memory that has been given back.
 *
 * <p><b>Order.</b> This lock, then those of the parts below. Nothing outside the machine is called under it.
 */
public final class Machine implements AutoCloseable {
    /** Physical addresses where a write would be an interrupt: no DMA reaches memory there. */
    static final AddressRange INTERRUPT_WINDOW = new AddressRange(0xfee0_0000L, 0xfeef_ffffL);

    private final String name;
    private final Preset preset;
    private final PhysicalMemory memory;
    private final FrameAllocator frames;
    private final FrameCounters counters;
    private final Readers readers = new Readers();
    private final Units units;
    private final Devices devices;
    private final Contexts contexts;
    private final Ioasids ioasids;
    private final Processes processes;
    private final Routes routes;
    private final Binds binds;
    private final Invalidations invalidations;
    private final Traffic traffic;
    private final Transfers transfers;
    private final PageRequests pageRequests;
    private final PageAnswers pageAnswers;
    private final Fabric fabric;
    private final Injections injections;
    private final Pulse pulse = new Pulse();
    private final EventJournal journal = new EventJournal();
    private final CommandEvents events = new CommandEvents(journal);
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);
    private boolean closed;

    private Machine(String name, Preset preset, PhysicalMemory memory) {
        this.name = name;
        this.preset = preset;
        this.memory = memory;
        this.frames = new FrameAllocator(memory);
        this.counters = new FrameCounters(memory);
        this.units = new Units(this);
        this.devices = new Devices(this);
        this.contexts = new Contexts(this);
        this.ioasids = new Ioasids(this);
        this.processes = new Processes(this);
        this.routes = new Routes(this);
        this.binds = new Binds(this);
        this.invalidations = new Invalidations(this);
        this.traffic = new Traffic(this);
        this.transfers = new Transfers(this);
        this.pageRequests = new PageRequests(this);
        this.pageAnswers = new PageAnswers(this);
        this.fabric = new Fabric(this);
        this.injections = new Injections(this);
        if (memory.size() > INTERRUPT_WINDOW.first()) {
            frames.claim(INTERRUPT_WINDOW);
        }
    }

    /**
     * Makes a machine. EINVAL: memory size or holes; ENOMEM: too little memory for the preset, or none left in the host.
     *
     * @param memory bytes of simulated memory, a multiple of 4 KiB
     * @param holes ranges of it that are backed by nothing
     */
    public static Machine create(String name, long memory, List<AddressRange> holes, Preset preset) {
        var machine = new Machine(name, preset, new PhysicalMemory(memory, holes));
        try {
            Presets.commands(preset).forEach(machine::apply);
        } catch (RefusedException refused) {
            machine.close();
            throw refused;
        }
        return machine;
    }

    /** Applies a command, alone. ENOENT if the machine has been closed meanwhile. */
    public <R> R apply(Command<R> command) {
        try {
            return applyAlone(command);
        } finally {
            journal.wake(); // whoever waits for events keeps no command waiting
        }
    }

    private <R> R applyAlone(Command<R> command) {
        lock.writeLock().lock();
        try {
            checkOpen();
            injections.begin();
            try {
                return command.applyTo(this);
            } catch (RuntimeException | Error refused) {
                events.refused();
                throw refused;
            } finally {
                pageAnswers.settle(); // whatever became of it, DMA may go on
                injections.requestIsOver();
            }
        } finally {
            events.publish();
            lock.writeLock().unlock();
        }
    }

    /** Asks while no command is changing anything. ENOENT if the machine has been closed meanwhile. */
    public <R> R read(Function<MachineView, R> question) {
        lock.readLock().lock();
        try {
            checkOpen();
            return question.apply(new View(this));
        } finally {
            lock.readLock().unlock();
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new RefusedException(
                    Errno.ENOENT, "machine '" + name + "' has been deleted", Map.of("machine", name));
        }
    }

    /** Closes, and answers what had been counted by then: nothing is counted any more. ENOENT if it has been closed. */
    public MachineCounts retire() {
        lock.writeLock().lock();
        try {
            checkOpen();
            var counts = new View(this).counts();
            close();
            return counts;
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Gives back all that the machine holds, once what is in flight has ended. */
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                journal.append(new MachineEvent.MachineDeleted(name));
                journal.close();
                journal.wake();
                readers.await();
                fabric.close();
                counters.close();
                frames.close();
                memory.close();
                pulse.beat();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** The events of its commands. */
    public EventJournal journal() {
        return journal;
    }

    /** Where a command that is being applied says what it does. */
    CommandEvents events() {
        return events;
    }

    String name() {
        return name;
    }

    Preset preset() {
        return preset;
    }

    PhysicalMemory memory() {
        return memory;
    }

    FrameAllocator frames() {
        return frames;
    }

    FrameCounters counters() {
        return counters;
    }

    Readers readers() {
        return readers;
    }

    Units units() {
        return units;
    }

    Devices devices() {
        return devices;
    }

    Contexts contexts() {
        return contexts;
    }

    Ioasids ioasids() {
        return ioasids;
    }

    Processes processes() {
        return processes;
    }

    Binds binds() {
        return binds;
    }

    Routes routes() {
        return routes;
    }

    Invalidations invalidations() {
        return invalidations;
    }

    Traffic traffic() {
        return traffic;
    }

    Transfers transfers() {
        return transfers;
    }

    PageRequests pageRequests() {
        return pageRequests;
    }

    PageAnswers pageAnswers() {
        return pageAnswers;
    }

    Fabric fabric() {
        return fabric;
    }

    Injections injections() {
        return injections;
    }

    /** Beats when DMA is over, when a device has come to wait, and when the machine is closed. */
    public Pulse pulse() {
        return pulse;
    }

    /** Whether a context's lease has ended by then. Takes no lock. */
    public boolean hasExpired(Instant now) {
        var first = contexts.firstExpiry();
        return first != null && !first.isAfter(now);
    }

    /** How long each page request may wait that has come up since this was last asked, by its id; mostly none. */
    public Map<Long, Duration> takeDeadlines() {
        if (!pageRequests.hasDeadlines()) {
            return Map.of();
        }
        lock.writeLock().lock();
        try {
            return pageRequests.takeDeadlines();
        } finally {
            lock.writeLock().unlock();
        }
    }
}
