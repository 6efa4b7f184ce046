package dev.ioasid.machine;

import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.machine.lspci.ListedFunction;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A change to one machine as a value: immutable, deterministic, complete. The same commands in the same order give the
 * same ids and the same bytes of memory.
 *
 * <p>Each looks up, checks, reserves what can run out, and then changes; so a {@code RefusedException} leaves the machine as
 * it was.
 */
public sealed interface Command<R> {
    /** Applies this to {@code machine}, which has made sure that it is alone. */
    R applyTo(Machine machine);

    /** Writes bytes into physical memory. EINVAL where there is no memory. The array must not change any more. */
    record WriteMemory(long address, byte[] bytes) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.memory().write(address, bytes);
            if (bytes.length > 0) {
                machine.frames().written(AddressRange.of(address, bytes.length));
            }
            return Done.DONE;
        }
    }

    /**
     * Adds a unit. EEXIST; EINVAL: a cache that it has not; EOPNOTSUPP: the service cannot drive it; ENOMEM if there is no room for a
     * managed unit's root table and queue.
     *
     * @param caches shapes by name of those that are not to be as usual
     */
    record CreateIommu(
            String name, boolean managed, IommuCapabilities capabilities, java.util.Map<String, CacheGeometry> caches)
            implements Command<IommuSummary> {
        /** Caches as usual. */
        public CreateIommu(String name, boolean managed, IommuCapabilities capabilities) {
            this(name, managed, capabilities, java.util.Map.of());
        }

        @Override
        public IommuSummary applyTo(Machine machine) {
            return machine.units().create(name, managed, capabilities, caches);
        }
    }

    /** Removes a unit. ENOENT; EBUSY while it has devices or IOASIDs. */
    record DeleteIommu(String name) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.units().delete(name);
            return Done.DONE;
        }
    }

    /** Writes registers of an unmanaged unit, in order; answers all registers. ENOENT; EINVAL: nothing is written. */
    record PatchRegisters(String iommu, SequencedMap<String, Long> values)
            implements Command<SequencedMap<String, Long>> {
        @Override
        public SequencedMap<String, Long> applyTo(Machine machine) {
            return machine.units().patch(iommu, values);
        }
    }

    /**
     * Has raw commands done by a unit, in order. ENOENT; EOPNOTSUPP: it has no queue; EINVAL: one that it does not take, {@code index} and
     * {@code completed} say which, and those before it have been done.
     */
    record Submit(String iommu, List<List<Long>> commands) implements Command<List<IssuedCommand>> {
        @Override
        public List<IssuedCommand> applyTo(Machine machine) {
            return machine.units().submit(iommu, commands);
        }
    }

    /**
     * Has translations forgotten, in order. ENOENT, ENODEV, EINVAL, EOPNOTSUPP, EIO: {@code index} and {@code completed} say which could not be, and those
     * before it have been done.
     */
    record Invalidate(List<InvalidationRequest> requests) implements Command<List<IssuedCommand>> {
        @Override
        public List<IssuedCommand> applyTo(Machine machine) {
            return machine.invalidations().invalidate(requests);
        }
    }

    /**
     * Changes how a device behaves. ENODEV; EOPNOTSUPP: it has no ATS, or asks for no pages; then nothing is changed.
     *
     * @param answersInvalidations whether it answers when it is asked to forget translations; null: as before
     * @param pageRequestTimeout how long it waits for an answer to a page request; null: as before
     * @param pageRequestsPerGroup how many pages it asks for at once, 1 to 64; null: as before
     */
    record PatchDevice(
            Rid rid,
            @Nullable Boolean answersInvalidations,
            @Nullable Duration pageRequestTimeout,
            @Nullable Integer pageRequestsPerGroup)
            implements Command<DeviceSummary> {
        @Override
        public DeviceSummary applyTo(Machine machine) {
            return machine.devices().patch(rid, answersInvalidations, pageRequestTimeout, pageRequestsPerGroup);
        }
    }

    /**
     * Has a device move bytes, one order after the other, as far as they get without an answer to a page request. ENODEV; EINVAL, E2BIG:
     * {@code index} names the bad one, and none has been begun; ENOSPC: too much waits already.
     *
     * @param batch orders are given as a list
     */
    record StartDma(Rid rid, List<DmaOrder> orders, boolean batch) implements Command<DmaSummary> {
        /** One. */
        public StartDma(Rid rid, DmaOrder order) {
            this(rid, List.of(order), false);
        }

        @Override
        public DmaSummary applyTo(Machine machine) {
            return machine.transfers().start(rid, orders, batch);
        }
    }

    /** Answers a page request, and with it its group, or a stalled transaction. ENOENT; EINVAL: over, or not the service's; EBUSY. */
    record AnswerPageRequest(long id, PageRequestSummary.Answer answer) implements Command<PageRequestSummary> {
        @Override
        public PageRequestSummary applyTo(Machine machine) {
            return machine.pageAnswers().answer(id, answer);
        }
    }

    /** The time is up for a page request; false: it is over already. ENOENT. */
    record ExpirePageRequest(long id) implements Command<Boolean> {
        @Override
        public Boolean applyTo(Machine machine) {
            return machine.pageAnswers().expire(id);
        }
    }

    /** Writes bytes into a device's region, by its own processor. ENODEV; ENOENT: no such region; EINVAL: beyond its end. The array must not change any more. */
    record WriteRegion(Rid rid, int region, long offset, byte[] bytes) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.devices().region(rid, region).bytes().write(offset, bytes);
            return Done.DONE;
        }
    }

    /**
     * Has something go wrong. ENODEV, ENOENT: no such device or unit; EOPNOTSUPP: it cannot happen there; EINVAL; ENOSPC: too much does
     * already.
     *
     * @param count how often; null: until it is removed
     */
    record Inject(Injection injection, @Nullable Integer count) implements Command<InjectionSummary> {
        @Override
        public InjectionSummary applyTo(Machine machine) {
            return machine.injections().add(injection, count);
        }
    }

    /** Lets devices have what has been held back from them. ENOENT; EINVAL: nothing is held back by this kind. */
    record ReleaseInjection(int id) implements Command<InjectionSummary> {
        @Override
        public InjectionSummary applyTo(Machine machine) {
            return machine.injections().release(id);
        }
    }

    /** Removes an injection; what it has held back is delivered. ENOENT. */
    record RemoveInjection(int id) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.injections().remove(id);
            return Done.DONE;
        }
    }

    /** Clears a unit's fault records. ENOENT. */
    record ClearFaults(String iommu) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.units().unit(iommu).hardware().clearFaults();
            return Done.DONE;
        }
    }

    /** Adds a device. ENOENT: no such unit; EEXIST: the RID, or the StreamID at its unit, is taken; EINVAL. */
    record CreateDevice(Rid rid, String iommu, DeviceTraits traits) implements Command<DeviceSummary> {
        @Override
        public DeviceSummary applyTo(Machine machine) {
            return machine.devices().create(rid, iommu, traits);
        }
    }

    /**
     * Adds the devices of a listing, all or none.
     *
     * @param iommu the unit they sit behind; null: the only one (EINVAL if there are several, or none)
     * @param dryRun only says what would be added
     */
    record ImportDevices(@Nullable String iommu, List<ListedFunction> functions, boolean dryRun)
            implements Command<List<DeviceSummary>> {
        @Override
        public List<DeviceSummary> applyTo(Machine machine) {
            return machine.devices().importAll(iommu, functions, dryRun);
        }
    }

    /** Removes a device. ENODEV; EBUSY while one of its routes is attached. */
    record DeleteDevice(Rid rid) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.devices().delete(rid);
            return Done.DONE;
        }
    }

    /**
     * Allocates a PASID of a device. ENODEV; EOPNOTSUPP: it has no PASID capability; EBUSY: taken; EINVAL: out of range;
     * ENOSPC: none left.
     *
     * @param pasid null: the lowest that is free, from 1
     * @param name what the user calls it
     */
    record AllocatePasid(
            Rid rid, @Nullable Integer pasid, @Nullable String name) implements Command<PasidSummary> {
        @Override
        public PasidSummary applyTo(Machine machine) {
            return machine.devices().allocatePasid(rid, pasid, name);
        }
    }

    /** Frees a PASID. ENODEV; ENOENT: not allocated; EBUSY: attached. */
    record FreePasid(Rid rid, int pasid) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.devices().freePasid(rid, pasid);
            return Done.DONE;
        }
    }

    /**
     * Makes a context. ENOSPC: there are as many as there may be.
     *
     * @param lease how long it lives without being renewed; null: until it is closed
     * @param now when that begins
     */
    record CreateContext(
            String name,
            java.util.Map<ContextLimit, Long> limits,
            @Nullable Duration lease,
            Instant now) implements Command<ContextSummary> {
        @Override
        public ContextSummary applyTo(Machine machine) {
            return machine.contexts().create(name, limits, lease, now);
        }
    }

    /** Has a context's lease begin anew. ENOENT: no such context, or it has expired; EINVAL: it has no lease. */
    record RenewContext(int id, Instant now) implements Command<ContextSummary> {
        @Override
        public ContextSummary applyTo(Machine machine) {
            return machine.contexts().renew(id, now);
        }
    }

    /** Closes the contexts whose lease has ended by then. */
    record ExpireContexts(Instant now) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.contexts().expire(now);
            return Done.DONE;
        }
    }

    /** Tears down all that a context owns: binds, routes, mappings, IOASIDs. What devices wait for there is answered. ENOENT. */
    record CloseContext(int id) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.contexts().close(id);
            return Done.DONE;
        }
    }

    /**
     * Makes an IOASID. ENOENT: no such unit or context; ENOSPC: the context may own no more; EINVAL: not a managed unit, or several and none named; EOPNOTSUPP: the unit
     * has no such format, width or granule; ENOMEM: no room for its root table.
     *
     * @param iommu for a paging IOASID; null: the only managed unit
     * @param format for a paging IOASID; null: the unit's usual one
     * @param addressWidth bits, for a paging IOASID; null: the format's usual one
     * @param granule bytes of the smallest page, for a paging IOASID; null: the unit's usual one
     * @param context that owns it; null: none
     */
    record CreateIoasid(
            IoasidType type,
            @Nullable String iommu,
            @Nullable String format,
            @Nullable Integer addressWidth,
            @Nullable Long granule,
            @Nullable String name,
            @Nullable Integer context)
            implements Command<IoasidSummary> {
        /** A table of the usual granule, that no context owns. */
        public CreateIoasid(
                IoasidType type,
                @Nullable String iommu,
                @Nullable String format,
                @Nullable Integer addressWidth,
                @Nullable String name) {
            this(type, iommu, format, addressWidth, null, name, null);
        }

        @Override
        public IoasidSummary applyTo(Machine machine) {
            return machine.ioasids().create(type, iommu, format, addressWidth, granule, name, context);
        }
    }

    /**
     * Makes an IOASID of type sva, which shares the address space of a process. ENOENT: no such process or unit; EINVAL: not a managed unit,
     * or several and none named; ENOSPC: the context may own no more; EOPNOTSUPP: the unit cannot walk the process's table, or takes no PASIDs; EEXIST: it has one for that process.
     *
     * @param iommu null: the only managed unit
     * @param context that owns it; null: none
     */
    record CreateSvaIoasid(
            int process,
            @Nullable String iommu,
            @Nullable String name,
            @Nullable Integer context) implements Command<IoasidSummary> {
        /** That no context owns. */
        public CreateSvaIoasid(int process, @Nullable String iommu, @Nullable String name) {
            this(process, iommu, name, null);
        }

        @Override
        public IoasidSummary applyTo(Machine machine) {
            return machine.ioasids().share(process, iommu, name, context);
        }
    }

    /** Removes an IOASID and its mappings. ENOENT; EBUSY while a route leads to it, naming the routes. */
    record DeleteIoasid(int id) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.ioasids().delete(id);
            return Done.DONE;
        }
    }

    /**
     * Leads a route to an IOASID. ENODEV, ENOENT; EINVAL: unmanaged unit, wrong table for the unit, PASID out of range, or
     * a group member elsewhere; EBUSY: attached and {@code replace} forbids; EOPNOTSUPP: no PASID capability; EADDRINUSE: a
     * reserved region of the device meets a mapping; ENOSPC: no domain id left; ENOMEM.
     */
    record Attach(Route route, int ioasid, Replace replace) implements Command<Attachment> {
        @Override
        public Attachment applyTo(Machine machine) {
            return machine.routes().attach(route, ioasid, replace);
        }
    }

    /** Blocks a route. ENODEV. A route that is not attached stays so. */
    record Detach(Route route) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.routes().detach(route);
            return Done.DONE;
        }
    }

    /**
     * Installs a table that the user keeps on a route, nested on a paging IOASID. ENODEV, ENOENT; EINVAL: unmanaged unit, an IOASID that
     * is no parent, a format, width or root that cannot be; EOPNOTSUPP: the unit does not nest it; EBUSY: the route is bound, or attached
     * elsewhere, or the table names PASIDs that lead elsewhere; ENOSPC: no domain id left; ENOMEM.
     *
     * @param table with its root in the parent's space
     */
    record Bind(Route route, int parent, UserTable.Wanted table) implements Command<BindSummary> {
        /** A page table that is walked without any option. */
        public Bind(Route route, int parent, String format, @Nullable Integer addressWidth, long root) {
            this(route, parent, UserTable.Wanted.pageTable(format, addressWidth, root, Set.of()));
        }

        @Override
        public BindSummary applyTo(Machine machine) {
            return machine.binds().create(route, parent, table);
        }
    }

    /**
     * Replaces the table of a bind without a gap. ENOENT; EINVAL, EOPNOTSUPP, EBUSY as for {@link Bind}; ENOMEM. Null: as it is, or, if the
     * format is another, as usual for that.
     */
    record ReplaceBind(
            int id,
            @Nullable String format,
            @Nullable Integer addressWidth,
            long root,
            @Nullable Set<UserTable.Option> options,
            @Nullable Long granule,
            @Nullable Integer asid,
            @Nullable Integer s1cdmax,
            @Nullable Integer s1fmt)
            implements Command<BindSummary> {
        /** Another root; the rest stays. */
        public ReplaceBind(int id, @Nullable String format, @Nullable Integer addressWidth, long root) {
            this(id, format, addressWidth, root, null, null, null, null, null);
        }

        /** What the bind's table is to be. */
        UserTable.Wanted over(UserTable before) {
            if (format != null && !format.equals(before.format())) {
                return new UserTable.Wanted(
                        format,
                        addressWidth,
                        root,
                        options == null ? Set.of() : options,
                        granule,
                        asid,
                        s1cdmax,
                        s1fmt);
            }
            var cdTable = before.cdTable();
            return new UserTable.Wanted(
                    before.format(),
                    addressWidth == null ? before.addressWidth() : addressWidth,
                    root,
                    options == null ? before.options() : options,
                    granule == null ? before.granule() : granule,
                    asid == null ? before.asid() : asid,
                    s1cdmax == null && cdTable != null ? Integer.valueOf(cdTable.s1cdmax()) : s1cdmax,
                    s1fmt == null && cdTable != null ? Integer.valueOf(cdTable.s1fmt()) : s1fmt);
        }

        @Override
        public BindSummary applyTo(Machine machine) {
            return machine.binds().replace(this);
        }
    }

    /** Removes a bind: its route is blocked, or leads to the parent if it did before. ENOENT. */
    record Unbind(int id) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.binds().delete(id);
            return Done.DONE;
        }
    }

    /**
     * Makes mappings of a paging IOASID, all or none. ENOENT; EINVAL: not paging, unaligned, too wide, in a reserved region,
     * not in memory; EEXIST: overlap; ENOSPC: no free address; ENOMEM. Of several, {@code index} names the bad one.
     */
    record Map(int ioasid, List<MapRequest> requests) implements Command<List<Mapping>> {
        @Override
        public List<Mapping> applyTo(Machine machine) {
            return machine.ioasids().paging(ioasid).map(requests);
        }
    }

    /**
     * Removes the mappings that lie within a range; answers their bytes. ENOENT: no such IOASID, nothing there, or a mapping
     * sticks out; EINVAL: not paging, length 0 or wrapping.
     */
    record Unmap(int ioasid, long iova, long length) implements Command<Long> {
        @Override
        public Long applyTo(Machine machine) {
            return machine.ioasids().paging(ioasid).unmap(iova, length);
        }
    }

    /** Removes all mappings; answers their bytes. ENOENT; EINVAL: not paging. */
    record UnmapAll(int ioasid) implements Command<Long> {
        @Override
        public Long applyTo(Machine machine) {
            return machine.ioasids().paging(ioasid).unmapAll();
        }
    }

    /**
     * Limits where addresses are allocated; replaces the list before. ENOENT; EINVAL: not paging, a range of one address, too wide,
     * or two that meet; EADDRINUSE: one meets a reserved region.
     */
    record AllowRanges(int ioasid, List<AddressRange> ranges) implements Command<List<AddressRange>> {
        @Override
        public List<AddressRange> applyTo(Machine machine) {
            var space = machine.ioasids().paging(ioasid).space();
            space.allow(ranges);
            return space.allowed();
        }
    }

    /**
     * Writes bytes through an IOASID, all or none. ENOENT: no such IOASID, or a byte is not mapped; EPERM: a byte may not be
     * written; EINVAL: not paging, or the range wraps.
     */
    record WriteThrough(int ioasid, long iova, byte[] bytes) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.ioasids().paging(ioasid).write(iova, bytes);
            return Done.DONE;
        }
    }

    /**
     * Makes a process. EINVAL: no such format, levels or granule; ENOMEM: no room for its root table.
     *
     * @param levels null: those of 48 bits
     * @param granule bytes of a page; null: 0x1000
     * @param demandPaging pages appear when they are touched; otherwise when they are mapped
     */
    record CreateProcess(
            String format,
            @Nullable Integer levels,
            @Nullable Long granule,
            boolean demandPaging) implements Command<ProcessSummary> {
        @Override
        public ProcessSummary applyTo(Machine machine) {
            return machine.processes().create(format, levels, granule, demandPaging);
        }
    }

    /** Ends a process: routes that lead to it are blocked, and then its memory is given back. ENOENT. */
    record DeleteProcess(int id) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.processes().delete(id);
            return Done.DONE;
        }
    }

    /**
     * Maps anonymous memory in a process. ENOENT; EINVAL: not whole pages, beyond its addresses, or rights that no page of a process has; EPERM:
     * below 0x10000; EEXIST: overlap; ENOSPC: no free address; ENOMEM: no memory, or too many mappings; E2BIG: too much at once.
     *
     * @param address null: the lowest that is free, from a quarter of its addresses on
     */
    record MapProcess(int process, @Nullable Long address, long length, Permissions permissions)
            implements Command<ProcessMapping> {
        @Override
        public ProcessMapping applyTo(Machine machine) {
            return machine.processes().process(process).map(address, length, permissions);
        }
    }

    /**
     * Unmaps a range of a process, cutting mappings where it ends; answers the bytes that were mapped. ENOENT: no such process; EINVAL: not whole
     * pages, or beyond its addresses; ENOMEM: what is left would be too many mappings.
     */
    record UnmapProcess(int process, long address, long length) implements Command<Long> {
        @Override
        public Long applyTo(Machine machine) {
            return machine.processes().process(process).unmap(address, length);
        }
    }

    /**
     * Reads bytes as a program does: pages appear, and are marked accessed. ENOENT: no such process, or a byte is not mapped; EPERM: it may not be
     * read; ENOMEM: no room for a page.
     */
    record ReadProcess(int process, long address, int length) implements Command<byte[]> {
        @Override
        public byte[] applyTo(Machine machine) {
            return machine.processes().process(process).read(address, length);
        }
    }

    /** Writes bytes as a program does, all or none. As {@link ReadProcess}. The array must not change any more. */
    record WriteProcess(int process, long address, byte[] bytes) implements Command<Done> {
        @Override
        public Done applyTo(Machine machine) {
            machine.processes().process(process).write(address, bytes);
            return Done.DONE;
        }
    }

    /** Translates requests, in order, as the hardware does. ENODEV, EINVAL: {@code index} names the bad one, none is done. */
    record Translate(List<DmaRequest> requests) implements Command<List<Translation>> {
        @Override
        public List<Translation> applyTo(Machine machine) {
            return machine.traffic().translate(requests);
        }
    }
}
