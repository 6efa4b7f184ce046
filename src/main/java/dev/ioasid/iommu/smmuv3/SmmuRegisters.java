package dev.ioasid.iommu.smmuv3;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.UnitWrites;
import dev.ioasid.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The registers of a unit by architectural name, with their side effects, and the queues behind them. IHI 0070, section 6.3. What the
 * architecture acknowledges later (CR0ACK, IRQ_CTRLACK, GBPA.Update) has happened here when the write is done; what must not be
 * written while something is on is then not written, as versions from 3.2 on have it.
 *
 * <p>Any thread may call. Writes are serialized by the object's lock, and commands are done under it; {@link #state} is read without
 * one, so a transaction sees the whole of one moment. Locks are taken in the order registers, {@link OutputQueue}, {@link
 * GlobalErrors}, {@link Msi}.
 */
final class SmmuRegisters {
    private static final long GBPA_AT_RESET = Gbpa.SHCFG.of(Ste.SHCFG_INCOMING);
    private static final long QUEUE_ATTRIBUTES = Cr1.QUEUE_IC.mask() | Cr1.QUEUE_OC.mask() | Cr1.QUEUE_SH.mask();
    private static final long TABLE_ATTRIBUTES = Cr1.TABLE_IC.mask() | Cr1.TABLE_OC.mask() | Cr1.TABLE_SH.mask();
    private static final long QUEUES = Cr0.PRIQEN.mask() | Cr0.EVENTQEN.mask() | Cr0.CMDQEN.mask();

    /** @param write null: read-only */
    private record Register(
            int bits, LongSupplier read, @Nullable LongConsumer write) {}

    private final SmmuCapabilities capabilities;
    private final RegisterEffects effects;
    private final GlobalErrors errors;
    private final OutputQueue eventQueue;
    private final EventQueue events;
    private final OutputQueue requestQueue;
    private final PriQueue requests;
    private final CommandExecution execution;
    private final CommandQueue commands;
    private final Msi errorMessage;
    private final Msi eventMessage;
    private final Msi requestMessage;
    private final SequencedMap<String, Register> registers = new LinkedHashMap<>();
    private long cr0;
    private long cr1;
    private long cr2;
    private long gbpa = GBPA_AT_RESET;
    private long irqCtrl;
    private long strtabBase;
    private long strtabBaseCfg;
    private volatile SmmuState state;

    /**
     * The registers of a unit as they are after a reset.
     *
     * @param written told of each word of memory that the unit has written for software to find
     */
    SmmuRegisters(
            PhysicalMemory memory,
            SmmuCapabilities capabilities,
            CommandEffects commandEffects,
            RegisterEffects registerEffects,
            LongConsumer written) {
        this.capabilities = capabilities;
        this.effects = registerEffects;
        var writes = new UnitWrites(memory, written);
        boolean messages = capabilities.msi();
        this.errorMessage = new Msi(writes, messages, 0);
        this.eventMessage = new Msi(writes, messages, 0);
        this.requestMessage = new Msi(writes, messages, PriQueue.LAST_ONLY);
        this.errors = new GlobalErrors(capabilities, errorMessage);
        this.eventQueue = new OutputQueue(capabilities.eventQueueBits(), EventQueue.SIZE);
        this.events = new EventQueue(memory, eventQueue, writes, errors, eventMessage);
        this.requestQueue = new OutputQueue(capabilities.pageRequestQueueBits(), PriEntry.SIZE);
        this.requests = new PriQueue(requestQueue, writes, errors, requestMessage);
        this.execution = new CommandExecution(capabilities, commandEffects, writes, errors);
        this.commands = new CommandQueue(memory, capabilities, execution, errors);
        this.state = SmmuState.of(cr0, cr2, strtabBase, strtabBaseCfg, capabilities.sidBits(), gbpa);
        addAll();
    }

    /** Every register, by offset. */
    private void addAll() {
        capabilities.registers().forEach((name, value) -> add(name, 32, () -> value, null));
        // spotless:off  columns are the point
        add("CR0",               32, () -> cr0,                   this::writeCr0);
        add("CR0ACK",            32, () -> cr0,                   null);
        add("CR1",               32, () -> cr1,                   this::writeCr1);
        add("CR2",               32, () -> cr2,                   this::writeCr2);
        add("STATUSR",           32, () -> 0,                     null);
        add("GBPA",              32, () -> gbpa,                  this::writeGbpa);
        add("IRQ_CTRL",          32, () -> irqCtrl,               this::writeIrqCtrl);
        add("IRQ_CTRLACK",       32, () -> irqCtrl,               null);
        add("GERROR",            32, errors::reported,            null);
        add("GERRORN",           32, errors::acknowledged,        this::writeGerrorn);
        add("GERROR_IRQ_CFG0",   64, errorMessage::address,       errorMessage::writeAddress);
        add("GERROR_IRQ_CFG1",   32, errorMessage::data,          errorMessage::writeData);
        add("GERROR_IRQ_CFG2",   32, errorMessage::attributes,    errorMessage::writeAttributes);
        add("STRTAB_BASE",       64, () -> strtabBase,            this::writeStrtabBase);
        add("STRTAB_BASE_CFG",   32, () -> strtabBaseCfg,         this::writeStrtabBaseCfg);
        add("CMDQ_BASE",         64, commands::base,              commands::writeBase);
        add("CMDQ_PROD",         32, commands::producer,          commands::writeProducer);
        add("CMDQ_CONS",         32, commands::consumer,          commands::writeConsumer);
        add("EVENTQ_BASE",       64, eventQueue::base,            eventQueue::writeBase);
        add("EVENTQ_IRQ_CFG0",   64, eventMessage::address,       eventMessage::writeAddress);
        add("EVENTQ_IRQ_CFG1",   32, eventMessage::data,          eventMessage::writeData);
        add("EVENTQ_IRQ_CFG2",   32, eventMessage::attributes,    eventMessage::writeAttributes);
        if (capabilities.pri()) {
            add("PRIQ_BASE",     64, requestQueue::base,          requestQueue::writeBase);
            add("PRIQ_IRQ_CFG0", 64, requestMessage::address,     requestMessage::writeAddress);
            add("PRIQ_IRQ_CFG1", 32, requestMessage::data,        requestMessage::writeData);
            add("PRIQ_IRQ_CFG2", 32, requestMessage::attributes,  requestMessage::writeAttributes);
        }
        add("EVENTQ_PROD",       32, eventQueue::producer,        eventQueue::writeProducer);
        add("EVENTQ_CONS",       32, eventQueue::consumer,        this::writeEventsConsumer);
        if (capabilities.pri()) {
            add("PRIQ_PROD",     32, requestQueue::producer,      requestQueue::writeProducer);
            add("PRIQ_CONS",     32, requestQueue::consumer,      requestQueue::writeConsumer);
        }
        // spotless:on
    }

    private void add(String name, int bits, LongSupplier read, @Nullable LongConsumer write) {
        registers.put(name, new Register(bits, read, write));
    }

    /** What they say to a transaction. */
    SmmuState state() {
        return state;
    }

    /** Where events are recorded. */
    EventQueue events() {
        return events;
    }

    /** Where page requests are queued. */
    PriQueue requests() {
        return requests;
    }

    synchronized SequencedMap<String, Long> all() {
        var all = new LinkedHashMap<String, Long>();
        registers.forEach((name, register) -> all.put(name, register.read().getAsLong()));
        return all;
    }

    /**
     * Writes registers in the order given. EINVAL for a name that is none, that is read-only, or for a value that is wider than the
     * register; then none is written.
     */
    synchronized void write(SequencedMap<String, Long> values) {
        var writes = new ArrayList<Runnable>();
        values.forEach((name, value) -> writes.add(checked(name, value)));
        writes.forEach(Runnable::run);
    }

    /** Does a command as if it had come through the queue. Null: done. */
    synchronized @Nullable CommandError submit(long word0, long word1) {
        return commands.submit(word0, word1);
    }

    /** Whether the Command queue stands after an error that has not been acknowledged. */
    synchronized boolean commandsStand() {
        return commands.stands();
    }

    /** Consumes every event and acknowledges an overflow, as software does. */
    synchronized void clearEvents() {
        events.clear();
        tellIfWritable();
    }

    /** The write, which nothing refuses any more. */
    private Runnable checked(String name, long value) {
        var register = registers.get(name);
        if (register == null) {
            var writable = registers.entrySet().stream()
                    .filter(entry -> entry.getValue().write() != null)
                    .map(Map.Entry::getKey)
                    .toList();
            throw new RefusedException(
                    Errno.EINVAL,
                    "there is no register '" + name + "'; those that can be written are " + String.join(", ", writable),
                    Map.of("register", name));
        }
        var writer = register.write();
        if (writer == null) {
            throw new RefusedException(Errno.EINVAL, name + " is read-only", Map.of("register", name));
        }
        if (register.bits() == 32 && value >>> 32 != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    name + " has 32 bits, 0x" + Long.toHexString(value) + " has more",
                    Map.of("register", name));
        }
        return () -> writer.accept(value);
    }

    // ---- what writes do

    private void writeCr0(long value) {
        long existing = Cr0.SMMUEN.mask()
                | Cr0.EVENTQEN.mask()
                | Cr0.CMDQEN.mask()
                | (capabilities.pri() ? Cr0.PRIQEN.mask() : 0)
                | (capabilities.ats() ? Cr0.ATSCHK.mask() : 0)
                | (capabilities.vmidWildcards() ? Cr0.VMW.mask() : 0);
        boolean wasOn = Cr0.SMMUEN.isSet(cr0);
        cr0 = value & existing;
        boolean isOn = Cr0.SMMUEN.isSet(cr0);
        publish();
        execution.setTranslating(isOn);
        execution.setVmidWildcard((int) Cr0.VMW.get(cr0));
        requestQueue.setEnabled(Cr0.PRIQEN.isSet(cr0));
        eventQueue.setEnabled(Cr0.EVENTQEN.isSet(cr0));
        if (isOn != wasOn) {
            effects.enabledChanged(isOn);
        }
        tellIfWritable();
        commands.setEnabled(Cr0.CMDQEN.isSet(cr0));
    }

    private void writeCr1(long value) {
        long writable = (isTranslating() ? 0 : TABLE_ATTRIBUTES) | ((cr0 & QUEUES) != 0 ? 0 : QUEUE_ATTRIBUTES);
        cr1 = cr1 & ~writable | value & writable;
    }

    private void writeCr2(long value) {
        if (!isTranslating()) {
            cr2 = value
                    & (Cr2.RECINVSID.mask()
                            | (capabilities.hyp() ? Cr2.E2H.mask() : 0)
                            | (capabilities.has0(Idr0.BTM) ? Cr2.PTM.mask() : 0)
                            | (capabilities.recordsConfigurationAts() ? Cr2.REC_CFG_ATS.mask() : 0));
            publish();
        }
    }

    private void writeGbpa(long value) {
        if (Gbpa.UPDATE.isSet(value)) {
            gbpa = value & ~Gbpa.LAYOUT.reserved(0) & ~Gbpa.UPDATE.mask();
            publish();
        }
    }

    private void writeIrqCtrl(long value) {
        irqCtrl = value
                & (IrqCtrl.GERROR_IRQEN.mask()
                        | IrqCtrl.EVENTQ_IRQEN.mask()
                        | (capabilities.pri() ? IrqCtrl.PRIQ_IRQEN.mask() : 0));
        errorMessage.setEnabled(IrqCtrl.GERROR_IRQEN.isSet(irqCtrl));
        eventMessage.setEnabled(IrqCtrl.EVENTQ_IRQEN.isSet(irqCtrl));
        requestMessage.setEnabled(IrqCtrl.PRIQ_IRQEN.isSet(irqCtrl));
    }

    private void writeGerrorn(long value) {
        errors.acknowledge(value);
        tellIfWritable();
        commands.process();
    }

    private void writeStrtabBase(long value) {
        if (!isTranslating()) {
            strtabBase = value & (Strtab.ADDR.mask() | Strtab.RA.mask());
            publish();
        }
    }

    private void writeStrtabBaseCfg(long value) {
        if (!isTranslating()) {
            long levels = capabilities.twoLevelStreamTable() ? Strtab.SPLIT.mask() | Strtab.FMT.mask() : 0;
            strtabBaseCfg = value & (Strtab.LOG2SIZE.mask() | levels);
            publish();
        }
    }

    private void writeEventsConsumer(long value) {
        eventQueue.writeConsumer(value);
        tellIfWritable();
    }

    private boolean isTranslating() {
        return Cr0.SMMUEN.isSet(cr0);
    }

    private void publish() {
        state = SmmuState.of(cr0, cr2, strtabBase, strtabBaseCfg, capabilities.sidBits(), gbpa);
    }

    private void tellIfWritable() {
        if (events.isWritable()) {
            effects.eventsWritable();
        }
    }
}
