package dev.ioasid.pagetable;

import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.Walked.Failure;
import org.jspecify.annotations.Nullable;

/**
 * The exact walk of any format, alone or nested on a second stage: every check at its place, so that the first that fails
 * names the fault. {@link StraightWalk} is the short way for a walk that will succeed.
 *
 * <p>Takes no lock and allocates nothing. Sets accessed bits on the way down, by compare-and-set, and accessed and dirty in
 * the leaf once nothing can fail any more. Order: VT-d 5.10, sections 3.6 to 3.8.
 */
public final class PageWalk {
    // what the request is
    public static final int READ = 1;
    public static final int WRITE = 1 << 1;
    public static final int PRIVILEGED = 1 << 2;
    // how the table is walked
    /** Hardware maintains accessed and dirty bits. */
    public static final int ACCESSED_DIRTY = 1 << 3;
    /** Hardware maintains the extended accessed bit as well. */
    public static final int EXTENDED_ACCESSED = 1 << 4;
    /** Accessed and dirty bits may be written; without it a walk that would have to fails. */
    public static final int UPDATES_ALLOWED = 1 << 5;
    /** Privileged writes need the write right, too. */
    public static final int WRITE_PROTECTED = 1 << 6;
    /** Change nothing: answer what would be. */
    public static final int DRY = 1 << 7;
    /** Of a parent: the page holds a table of the first stage, so the right to read is asked first. */
    public static final int TABLE = 1 << 8;
    /** Of a parent: leave accessed and dirty of the leaf for later. */
    private static final int LEAF_LATER = 1 << 9;
    /** A right that is missing is no failure, as long as there is one: the answer says which there are. */
    public static final int ANY_RIGHT = 1 << 10;
    /** The request is an instruction fetch. */
    public static final int EXECUTE = 1 << 16;
    // how a table of VMSAv8-64 is walked: Arm ARM, sections D8.4 and D8.5
    /** Hardware sets AF (HA); without it, and without {@link #ACCESS_FLAG_IGNORED}, an entry that lacks it is a fault. */
    public static final int ACCESS_FLAG = 1 << 11;
    /** Hardware makes pages writable that say so (HD). */
    public static final int DIRTY_STATE = 1 << 12;
    /** AF does not matter (AFFD). */
    public static final int ACCESS_FLAG_IGNORED = 1 << 13;
    /** What may be written may not be executed (WXN). */
    public static final int WRITE_EXECUTE_NEVER = 1 << 14;
    /** Privileged data accesses may not go where unprivileged ones may (PAN). */
    public static final int PRIVILEGED_ACCESS_NEVER = 1 << 15;
    /** Attributes of table descriptors do not matter (HAD). */
    public static final int HIERARCHY_OFF = 1 << 19;
    /** There is one privilege only (EL2). */
    public static final int SINGLE_PRIVILEGE = 1 << 20;
    /** Of a parent: tables may not lie in device memory (S2PTW). */
    public static final int TABLES_IN_MEMORY = 1 << 21;
    /** Of a stage 2: XN has two bits (XNX). */
    public static final int EXECUTE_BY_PRIVILEGE = 1 << 22;
    /** Of a stage 2: MemAttr is read as FWB has it. */
    public static final int FORCED_TYPES = 1 << 23;

    private static final int REQUEST = READ | WRITE;
    static final long EXTENDED_ACCESSED_BIT = 1 << 10;
    private static final int INTERRUPT_WINDOW = 0xfee;
    /** The table changed under the walk. */
    static final long AGAIN = -1;

    private PageWalk() {}

    /** Whether an address is one of 0xfeexxxxx, where writes are interrupts. */
    public static boolean isInterrupt(long address) {
        return address >>> 20 == INTERRUPT_WINDOW;
    }

    /** Walks a table that lies in host physical memory. */
    public static long walk(PhysicalMemory memory, TableFormat format, long root, long input, int how, Steps steps) {
        return walk(memory, format, root, input, how, null, 0, 0, 0, StructureCaches.NONE, 0, steps);
    }

    /** Walks a table of VMSAv8-64's stage 2, whose input may be wider than the table is. */
    public static long alone(PhysicalMemory memory, TableFormat format, long root, long input, int how, Steps steps) {
        return through(memory, format, root, input, how, StructureCaches.NONE, 0, steps);
    }

    /**
     * Walks a table.
     *
     * @param input within the format's width
     * @param how the request and the table, by the constants above
     * @param parent null: {@code root} is host physical; otherwise the second stage that translates every address of the table
     * @param parentBits input width of the parent
     * @param parentHow how the parent is walked, by the constants above, without a request
     * @param caches copies of entries of both
     * @param whose the tables, as {@code caches} knows them
     * @return see {@link Walked}
     */
    public static long walk(
            PhysicalMemory memory,
            TableFormat format,
            long root,
            long input,
            int how,
            @Nullable TableFormat parent,
            long parentRoot,
            int parentBits,
            int parentHow,
            StructureCaches caches,
            long whose,
            Steps steps) {
        long walked;
        do {
            walked = attempt(
                    memory, format, root, input, how, parent, parentRoot, parentBits, parentHow, caches, whose, steps);
        } while (walked == AGAIN);
        return walked;
    }

    private static long attempt(
            PhysicalMemory memory,
            TableFormat format,
            long root,
            long input,
            int how,
            @Nullable TableFormat parent,
            long parentRoot,
            int parentBits,
            int parentHow,
            StructureCaches caches,
            long whose,
            Steps steps) {
        long common = -1; // what every entry on the way grants
        long table = root;
        int first = format.levels();
        boolean copied = false; // whether the first entry is in a table that a copy leads to
        boolean copiedWritable = true;
        if (caches != StructureCaches.NONE) {
            long copy = caches.deepest(format, whose, input, (how & DRY) != 0);
            if (copy != 0) {
                steps.copy(format, input, copy);
                common = StructureCaches.common(format, copy);
                table = StructureCaches.table(copy);
                first = StructureCaches.level(copy);
                copied = true;
                copiedWritable = StructureCaches.writable(copy);
            }
        }
        for (int level = first; ; level--) {
            boolean top = level == format.levels();
            long at = table + format.geometry().offset(input, level);
            long guest = at;
            boolean writable = true;
            if (parent != null) {
                if (copied && level == first) {
                    writable = copiedWritable;
                } else {
                    long walked = toTable(
                            memory, parent, parentRoot, at, parentHow | how & DRY, format, level, caches, whose, steps);
                    if (Walked.failed(walked)) {
                        return walked;
                    }
                    at = Walked.address(walked);
                    writable = (Walked.rights(walked) & Walked.WRITE) != 0;
                }
            }
            if (!top && !(copied && level == first) && caches != StructureCaches.NONE && (how & DRY) == 0) {
                long page = at & TableFormat.ADDRESS;
                caches.keep(format, whose, input, StructureCaches.copy(format, page, level, common, writable));
            }
            if (!memory.fetches(at, Long.BYTES)) {
                steps.missing(format, level, at);
                return failed(top ? Failure.ROOT_FETCH : Failure.FETCH, format, level);
            }
            long entry = memory.acquire(at);
            if (steps != Steps.UNSEEN) {
                steps.entry(format, level, at, entry);
                entry |= steps.marks(at);
            }
            if (!format.present(entry, level)) {
                return failed(Failure.ABSENT, format, level);
            }
            boolean leaf = format.leaf(entry, level);
            if ((entry & format.mustBeZero(level, leaf)) != 0) {
                return failed(Failure.RESERVED, format, level);
            }
            long target = leaf ? format.page(entry, level) : format.table(entry);
            if (parent != null && !format.isArmv8() && target >>> parentBits != 0) {
                return failed(Failure.BEYOND_PARENT, format, level);
            }
            common &= format.grants(entry, leaf, how);
            if (leaf && format.isArmv8()) {
                return VmsaLeaf.settle(
                        memory,
                        format,
                        at,
                        guest,
                        entry,
                        level,
                        input,
                        common,
                        how,
                        parent,
                        parentRoot,
                        parentHow,
                        steps);
            }
            if (leaf) {
                var refusal = refusal(format, common, how);
                if (refusal != null) {
                    return failed(refusal, format, level);
                }
                long offset = input & (1L << format.shift(level)) - 1;
                long found = Walked.found(target | offset, format.shift(level), format.rights(common, how))
                        | (format.snoops(entry) ? Walked.SNOOPED | Walked.MARKED : Walked.MARKED);
                return parent == null
                        ? settle(memory, format, at, entry, level, how, true, found)
                        : settleNested(
                                memory,
                                format,
                                at,
                                entry,
                                level,
                                how,
                                writable,
                                found,
                                parent,
                                parentRoot,
                                parentHow,
                                caches,
                                whose,
                                steps);
            }
            long mark = accessed(format, how);
            if ((entry & mark) != mark) {
                var impossible = impossible(how, writable);
                if (impossible != null) {
                    return failed(impossible, format, level);
                }
                if ((how & DRY) != 0) {
                    steps.mark(at, mark);
                } else if (!memory.swap(at, entry, entry | mark)) {
                    return AGAIN;
                }
            }
            table = target;
        }
    }

    /** Where the first-stage entry at guest physical {@code at} lies: every such access goes through the parent. */
    private static long toTable(
            PhysicalMemory memory,
            TableFormat parent,
            long parentRoot,
            long at,
            int parentHow,
            TableFormat format,
            int level,
            StructureCaches caches,
            long whose,
            Steps steps) {
        // a second stage that keeps dirty bits wants both rights and marks the page written: VT-d 3.8.1
        int request = (parentHow & ACCESSED_DIRTY) != 0 ? READ | WRITE : READ;
        long walked = through(memory, parent, parentRoot, at, parentHow | request | TABLE, caches, whose, steps);
        if (!Walked.failed(walked) || parent.isArmv8()) {
            return walked;
        }
        return switch (Walked.failure(walked)) {
            case NO_READ ->
                failed(
                        level == format.levels() ? Failure.PARENT_HIDES_ROOT : Failure.PARENT_HIDES_TABLE,
                        format,
                        level);
            case NO_WRITE -> failed(Failure.PARENT_FORBIDS_UPDATE, format, level);
            default -> walked;
        };
    }

    /** The last checks of a leaf, and then its marks. */
    private static long settle(
            PhysicalMemory memory,
            TableFormat format,
            long at,
            long entry,
            int level,
            int how,
            boolean writable,
            long found) {
        long mark = accessed(format, how);
        boolean written = (how & WRITE) != 0 && (Walked.rights(found) & Walked.WRITE) != 0;
        if (written && (how & ACCESSED_DIRTY) != 0) {
            mark |= format.dirty();
        }
        if ((entry & mark) != mark) {
            var impossible = impossible(how, writable);
            if (impossible != null) {
                return failed(impossible, format, level);
            }
        }
        if ((how & (TABLE | LEAF_LATER)) == 0 && isInterrupt(Walked.address(found))) {
            return failed(Failure.INTERRUPT_WINDOW, format, level);
        }
        boolean change = (how & (DRY | LEAF_LATER)) == 0 && (entry & mark) != mark;
        if (change && !memory.swap(at, entry, entry | mark)) {
            return AGAIN;
        }
        boolean marked = (how & ACCESSED_DIRTY) == 0 || ((entry | mark) & format.dirty()) != 0;
        return marked ? found : found & ~Walked.MARKED;
    }

    /** As {@link #settle}, with the parent's walk of the page between the checks of the leaf and its marks. */
    private static long settleNested(
            PhysicalMemory memory,
            TableFormat format,
            long at,
            long entry,
            int level,
            int how,
            boolean writable,
            long guest,
            TableFormat parent,
            long parentRoot,
            int parentHow,
            StructureCaches caches,
            long whose,
            Steps steps) {
        int request = parentHow | how & (REQUEST | DRY | ANY_RIGHT);
        long page = Walked.address(guest);
        long walked = through(memory, parent, parentRoot, page, request | LEAF_LATER, caches, whose, steps);
        if (Walked.failed(walked)) {
            return walked;
        }
        long both = Walked.found(
                        Walked.address(walked),
                        Math.min(Walked.shift(guest), Walked.shift(walked)),
                        Walked.rights(guest) & Walked.rights(walked))
                | walked & (Walked.SNOOPED | Walked.MARKED);
        long settled = settle(memory, format, at, entry, level, how, writable, both);
        if (settled == AGAIN || Walked.failed(settled) || (how & DRY) != 0 || (parentHow & ACCESSED_DIRTY) == 0) {
            return settled;
        }
        // nothing can fail any more: now the parent's leaf is marked, too
        int used = request & ~(REQUEST | ANY_RIGHT) | request & (int) Walked.rights(both);
        long marked = through(memory, parent, parentRoot, page, used, caches, whose, Steps.UNSEEN);
        return Walked.failed(marked) ? marked : settled;
    }

    /** Walks a parent. */
    static long through(
            PhysicalMemory memory,
            TableFormat parent,
            long root,
            long input,
            int how,
            StructureCaches caches,
            long whose,
            Steps steps) {
        if (steps != Steps.UNSEEN) {
            steps.through(input, (how & TABLE) != 0, (how & WRITE) != 0);
        }
        if (parent.isArmv8() && input >>> parent.inputBits() != 0) {
            return failed(Failure.ABSENT, parent, parent.levels());
        }
        return walk(memory, parent, root, input, how, null, 0, 0, 0, caches, whose, steps);
    }

    private static @Nullable Failure refusal(TableFormat format, long common, int how) {
        long rights = format.rights(common, how);
        boolean noRead = (how & READ) != 0 && (rights & Walked.READ) == 0;
        boolean noWrite = (how & WRITE) != 0 && (rights & Walked.WRITE) == 0;
        if (rights == 0) {
            return format.kind() == TableFormat.Kind.X86_64 ? Failure.NOT_USER : Failure.ABSENT;
        }
        if ((how & ANY_RIGHT) != 0) {
            return null;
        }
        if ((how & TABLE) != 0 && noRead) {
            return Failure.NO_READ;
        }
        return noWrite ? Failure.NO_WRITE : noRead ? Failure.NO_READ : null;
    }

    /** What is set in every entry that is used. */
    private static long accessed(TableFormat format, int how) {
        if ((how & ACCESSED_DIRTY) == 0) {
            return 0;
        }
        return (how & EXTENDED_ACCESSED) == 0 ? format.accessed() : format.accessed() | EXTENDED_ACCESSED_BIT;
    }

    private static @Nullable Failure impossible(int how, boolean writable) {
        if ((how & UPDATES_ALLOWED) == 0) {
            return Failure.UPDATE_FORBIDDEN;
        }
        return writable ? null : Failure.PARENT_FORBIDS_UPDATE;
    }

    static long failed(Failure failure, TableFormat format, int level) {
        return Walked.failed(failure, format.stage(), level);
    }
}
