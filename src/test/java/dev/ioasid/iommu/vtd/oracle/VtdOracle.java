package dev.ioasid.iommu.vtd.oracle;

import static dev.ioasid.iommu.Stage.FIRST;
import static dev.ioasid.iommu.Stage.SECOND;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Stage;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Translates one untranslated request as VT-d 5.10 says, legacy and scalable mode, second stage, first stage, nested and
 * pass-through. Every bit is written where the specification has it; nothing is shared with the code under test.
 *
 * <p>An instance answers one request and is then done.
 */
public final class VtdOracle {
    /** Faults that are recorded whatever FPD says. */
    private static final Set<Integer> UNQUALIFIED =
            Set.of(0x1, 0x8, 0x9, 0xa, 0x30, 0x31, 0x33, 0x34, 0x38, 0x39, 0x3a, 0x40, 0x50, 0x58);

    private static final int PASS_THROUGH = 4;
    private static final int NESTED = 3;
    private static final int SECOND_STAGE = 2;
    private static final int FIRST_STAGE = 1;

    private final Unit unit;
    private final Overlay memory;
    private final Set<Open> open;
    private final DmaRequest request;

    // the request as the tables complete it
    private final boolean write;
    private final boolean execute;
    private boolean privileged;

    // what the tables said
    private boolean faultProcessingDisabled;
    private int aw;
    private long secondStageRoot;
    private boolean secondStageMarks;
    private boolean snooped;
    private boolean extendedAccessed;
    private boolean writeProtect;

    public VtdOracle(Unit unit, Overlay memory, Set<Open> open, DmaRequest request) {
        this.unit = unit;
        this.memory = memory;
        this.open = open;
        this.request = request;
        this.write = request.access() == Access.WRITE;
        this.execute = request.access() == Access.EXECUTE && request.hasPasid();
        this.privileged = request.privileged() && request.hasPasid();
    }

    public Answer answer() {
        try {
            return translate();
        } catch (Fault fault) {
            boolean silent = faultProcessingDisabled && !UNQUALIFIED.contains(fault.code);
            return new Answer.Blocked(fault.code, !silent, fault.stage, fault.level);
        }
    }

    private Answer translate() {
        if (!unit.enabled()) {
            return unmodified();
        }
        if (interruptRange(request.iova()) && !request.hasPasid()) {
            if (write) {
                return unmodified(); // an interrupt message
            }
            if (!open.contains(Open.INTERRUPT_RANGE_READ_AFTER_TABLES)) {
                throw new Fault(unit.legacy() ? 0xe : 0x87);
            }
        }
        checkRootTableAddress();
        return unit.legacy() ? legacy() : scalable();
    }

    private Answer unmodified() {
        return new Answer.Page(request.iova(), 0, true, true);
    }

    private void checkRootTableAddress() {
        boolean supported = switch (unit.tableMode()) {
            case 0 -> !unit.highRights();
            case 1 -> unit.ecap(43); // SMTS
            case 3 -> unit.ecap(52); // ADMS
            default -> false;
        };
        if (!supported) {
            throw new Fault(0x30);
        }
        if (unit.tableMode() == 3) {
            throw new Fault(0x33);
        }
        if (unit.legacy() && request.hasPasid()) {
            throw new Fault(0x31);
        }
        if (execute && unit.majorVersion() >= 8) {
            throw new Fault(0x34);
        }
    }

    // ---------------------------------------------------------------- legacy mode

    private Answer legacy() {
        long root = (unit.rootTable() & ~0xfffL) + request.rid().bus() * 16L;
        long[] rootEntry = fetch(root, 2, 0x8);
        if (!bit(rootEntry[0], 0)) {
            throw new Fault(0x1);
        }
        if (rootEntry[1] != 0 || (rootEntry[0] & (bits(11, 1) | unit.beyondHost())) != 0) {
            throw new Fault(0xa);
        }

        long[] context = fetch((rootEntry[0] & ~0xfffL) + request.rid().devfn() * 16L, 2, 0x9);
        faultProcessingDisabled |= bit(context[0], 1);
        if (!bit(context[0], 0)) {
            throw new Fault(0x2);
        }
        int type = (int) (context[0] >>> 2 & 3);
        boolean passThrough = type == 2;
        long reserved0 = bits(11, 4) | (passThrough ? 0 : unit.beyondHost());
        long reserved1 = bits(63, 24) | bits(7, 7) | bits(23, 8) & -1L << 8 + unit.domainIdBits();
        if ((context[0] & reserved0) != 0 || (context[1] & reserved1) != 0) {
            throw new Fault(0xb);
        }
        aw = (int) (context[1] & 7);
        boolean typeSupported = type == 0 || type == 1 && unit.ecap(2) || type == 2 && unit.ecap(6);
        if (!unit.secondStageWidth(aw) || !typeSupported) {
            throw new Fault(0x3);
        }
        checkLateInterruptRangeRead();
        if (passThrough) {
            return passThrough();
        }
        if (exceeds(request.iova(), unit.secondStageBits(aw))) {
            throw new Fault(0x4);
        }
        secondStageRoot = context[0] & ~0xfffL;
        return secondStageOnly();
    }

    // ---------------------------------------------------------------- scalable mode

    private Answer scalable() {
        int devfn = request.rid().devfn();
        long half = (unit.rootTable() & ~0xfffL) + request.rid().bus() * 16L + (devfn >= 0x80 ? 8 : 0);
        long rootEntry = fetch(half, 1, 0x38)[0];
        if (!bit(rootEntry, 0)) {
            throw new Fault(0x39);
        }
        if ((rootEntry & (bits(11, 1) | unit.beyondHost())) != 0) {
            throw new Fault(0x3a);
        }

        long[] context = fetch((rootEntry & ~0xfffL) + (devfn & 0x7f) * 32L, 4, 0x40);
        faultProcessingDisabled |= bit(context[0], 1);
        if (!bit(context[0], 0)) {
            throw new Fault(0x41);
        }
        checkContext(context);
        int ridPasid = (int) (context[1] & 0xfffff);
        if (request.hasPasid()) {
            if (!bit(context[0], 3)) {
                throw new Fault(0x45);
            }
            if ((long) request.pasid() >>> unit.pasidBits() != 0) {
                throw new Fault(0x89);
            }
            if (request.pasid() >>> directoryPasidBits(context) != 0) {
                throw new Fault(0x46);
            }
            if (request.pasid() == ridPasid) {
                throw new Fault(0x48);
            }
        } else {
            privileged = bit(context[1], 20);
        }
        return pasid(context[0] & ~0xfffL, request.hasPasid() ? request.pasid() : ridPasid);
    }

    private static int directoryPasidBits(long[] context) {
        return (int) (context[0] >>> 9 & 7) + 13;
    }

    private void checkContext(long[] context) {
        long reserved0 = bits(8, 5) | unit.beyondHost();
        reserved0 |= unit.ecap(2) ? 0 : bits(2, 2); // DTE
        reserved0 |= unit.ecap(40) ? 0 : bits(3, 3); // PASIDE
        reserved0 |= unit.ecap(29) ? 0 : bits(4, 4); // PRE
        long reserved1 = bits(63, 21);
        reserved1 |= unit.ecap(49) ? 0 : bits(19, 0); // RID_PASID
        reserved1 |= unit.ecap(53) ? 0 : bits(20, 20); // RID_PRIV
        if ((context[0] & reserved0) != 0 || (context[1] & reserved1) != 0 || (context[2] | context[3]) != 0) {
            throw new Fault(0x42);
        }
        if (bit(context[0], 4) && !bit(context[0], 2)) {
            throw new Fault(0x43);
        }
        if ((context[1] & 0xfffff) >>> directoryPasidBits(context) != 0) {
            throw new Fault(0x43);
        }
    }

    private Answer pasid(long directory, int pasid) {
        long directoryEntry = fetch(directory + (pasid >>> 6) * 8L, 1, 0x50)[0];
        faultProcessingDisabled |= bit(directoryEntry, 1);
        if (!bit(directoryEntry, 0)) {
            throw new Fault(0x51);
        }
        if ((directoryEntry & (bits(11, 2) | unit.beyondHost())) != 0) {
            throw new Fault(0x52);
        }

        long[] entry = fetch((directoryEntry & ~0xfffL) + (pasid & 0x3f) * 64L, 8, 0x58);
        faultProcessingDisabled |= bit(entry[0], 1);
        if (!bit(entry[0], 0)) {
            throw new Fault(0x59);
        }
        for (int word = 0; word < 8; word++) {
            if ((entry[word] & reservedInPasidEntry(word)) != 0) {
                throw new Fault(0x5a);
            }
        }
        int type = (int) (entry[0] >>> 6 & 7);
        aw = (int) (entry[0] >>> 2 & 7);
        int firstStageMode = (int) (entry[2] >>> 2 & 3);
        long firstStageRoot = entry[2] & ~0xfffL;
        boolean usesFirst = type == FIRST_STAGE || type == NESTED;
        boolean usesSecond = type == SECOND_STAGE || type == NESTED;
        boolean typeSupported = switch (type) {
            case FIRST_STAGE -> unit.ecap(47); // FSTS
            case SECOND_STAGE -> unit.ecap(46); // SSTS
            case NESTED -> unit.ecap(26); // NEST
            case PASS_THROUGH -> unit.ecap(6); // PT
            default -> false;
        };
        if (!typeSupported
                || usesSecond && !unit.secondStageWidth(aw)
                || usesFirst && firstStageMode != 0 && !(firstStageMode == 1 && unit.cap(60))
                || type == NESTED && exceeds(firstStageRoot, unit.secondStageBits(aw))) {
            throw new Fault(0x5b);
        }
        if (execute && !unit.ecap(30)) { // ERS
            throw new Fault(0x5c);
        }
        if (privileged && !bit(entry[2], 0)) { // SRE
            throw new Fault(0x5d);
        }

        secondStageRoot = entry[0] & ~0xfffL;
        secondStageMarks = bit(entry[0], 9);
        snooped = bit(entry[1], 23) && unit.ecap(48);
        writeProtect = bit(entry[2], 4);
        extendedAccessed = bit(entry[2], 7);
        checkLateInterruptRangeRead();
        if (type == PASS_THROUGH) {
            return passThrough();
        }
        if (type == SECOND_STAGE) {
            if (exceeds(request.iova(), unit.secondStageBits(aw))) {
                throw new Fault(0x84);
            }
            return secondStageOnly();
        }
        int unusedBits = firstStageMode == 1 ? 64 - 57 : 64 - 48;
        if (request.iova() << unusedBits >> unusedBits != request.iova()) {
            throw new Fault(0x80);
        }
        return firstStage(4 + firstStageMode, firstStageRoot, type == NESTED);
    }

    private long reservedInPasidEntry(int word) {
        boolean secondStage = unit.ecap(46);
        boolean firstStage = unit.ecap(47);
        boolean memoryTypes = unit.ecap(25);
        return switch (word) {
            case 0 ->
                bits(5, 5)
                        | bits(11, 10)
                        | unit.beyondHost()
                        | (secondStage ? 0 : bits(4, 2) | bits(63, 12)) // AW, SSPTPTR
                        | (secondStage && unit.ecap(45) ? 0 : bits(9, 9)); // SSADE
            case 1 ->
                bits(22, 16)
                        | bits(31, 27)
                        | bits(15, 0) & -1L << unit.domainIdBits() // DID
                        | (unit.ecap(48) ? 0 : bits(23, 23)) // PWSNP
                        | (unit.ecap(7) ? 0 : bits(24, 24)) // PGSNP
                        | (memoryTypes ? 0 : bits(26, 25) | bits(63, 32)); // CD, EMTE, PAT
            case 2 ->
                bits(1, 1)
                        | bits(11, 8)
                        | unit.beyondHost()
                        | (unit.ecap(31) ? 0 : bits(0, 0)) // SRE
                        | (firstStage ? 0 : bits(4, 2) | bits(63, 12)) // FSPM, WPE, FSPTPTR
                        | (unit.ecap(34) ? 0 : bits(7, 7)); // EAFE
            default -> -1;
        };
    }

    // ---------------------------------------------------------------- pages

    private Answer passThrough() {
        if (exceeds(request.iova(), unit.hostAddressWidth())) {
            throw new Fault(unit.legacy() ? 0x4 : 0x83);
        }
        checkOutput(request.iova());
        return unmodified();
    }

    private Answer secondStageOnly() {
        var page = secondStage(request.iova(), false, false);
        checkOutput(page.address);
        memory.set(page.entryAt, page.pending);
        return new Answer.Page(page.address, page.size, page.read, page.write);
    }

    /** @param pending accessed and dirty bits that its leaf has yet to get */
    private record SecondStagePage(long address, long size, boolean read, boolean write, long entryAt, long pending) {}

    /**
     * Walks the second stage for the request itself, or for an entry of a first-stage table.
     *
     * @param table the input is the guest physical address of a first-stage entry
     * @param topTable that entry is in the first-stage root table
     */
    private SecondStagePage secondStage(long input, boolean table, boolean topTable) {
        int levels = aw + 2;
        boolean allRead = true;
        boolean allWrite = true;
        long next = secondStageRoot;
        for (int level = levels; ; level--) {
            long at = next + index(input, level) * 8;
            if (!memory.backs(at)) {
                throw level == levels ? second(0x7b, 0x3, level) : second(0x78, 0x7, level);
            }
            long entry = memory.read(at);
            boolean read = bit(entry, unit.highRights() ? 61 : 0);
            boolean mayWrite = bit(entry, unit.highRights() ? 62 : 1);
            if (!read && !mayWrite) {
                throw second(0x79, write ? 0x5 : 0x6, level);
            }
            allRead &= read;
            allWrite &= mayWrite;
            boolean nothingLeft = !allRead && !allWrite;
            if (nothingLeft && open.contains(Open.NO_RIGHTS_LEFT_FAULTS_AT_ONCE)) {
                throw second(0x79, write ? 0x5 : 0x6, 0);
            }
            boolean leaf = level == 1 || level <= 3 && bit(entry, 7);
            if ((entry & reservedInSecondStage(level, leaf)) != 0) {
                throw second(0x7a, 0xc, level);
            }
            if (nothingLeft && open.contains(Open.NO_RIGHTS_LEFT_FAULTS_AFTER_RESERVED)) {
                throw second(0x79, write ? 0x5 : 0x6, 0);
            }
            if (!leaf) {
                long missing = secondStageMarks ? bits(8, 8) & ~entry : 0;
                if (missing != 0 && !snooped) {
                    throw second(0x7c, 0, level);
                }
                memory.set(at, missing);
                next = entry & bits(51, 12);
                continue;
            }

            if (nothingLeft) {
                throw second(0x79, write ? 0x5 : 0x6, 0);
            }
            if (table) {
                if (!allRead) {
                    throw new Fault(topTable ? 0x75 : 0x76);
                }
                if (secondStageMarks && !allWrite) {
                    throw new Fault(0x77);
                }
            } else if (write ? !allWrite : !allRead) {
                throw write ? second(0x85, 0x5, 0) : second(0x86, 0x6, 0);
            }
            long marks = bits(8, 8) | (write || table ? bits(9, 9) : 0);
            long missing = secondStageMarks ? marks & ~entry : 0;
            if (missing != 0 && !snooped) {
                throw second(0x7c, 0, level);
            }
            if (table) {
                memory.set(at, missing);
            }
            return new SecondStagePage(page(entry, input, level), size(level), allRead, allWrite, at, missing);
        }
    }

    private Fault second(int code, int legacyCode, int level) {
        return new Fault(unit.legacy() ? legacyCode : code, SECOND, level);
    }

    private long reservedInSecondStage(int level, boolean leaf) {
        long reserved = unit.beyondHost() & bits(51, 12);
        if (!unit.highRights()) {
            reserved |= bits(62, 62);
        }
        if (!leaf) {
            return reserved | bits(11, 11) | bits(7, 7);
        }
        if (!unit.ecap(7)) { // SC
            reserved |= bits(11, 11);
        }
        if (!unit.secondStageLeaf(level)) {
            reserved |= bits(7, 7);
        }
        return level == 1 ? reserved : reserved | bits(12 + 9 * (level - 1) - 1, 12);
    }

    private Answer firstStage(int levels, long root, boolean nested) {
        boolean writable = true;
        boolean user = true;
        long next = root;
        for (int level = levels; ; level--) {
            long at = next + index(request.iova(), level) * 8;
            boolean markable = true;
            if (nested) {
                var tablePage = secondStage(at, true, level == levels);
                at = tablePage.address;
                markable = tablePage.write;
            }
            if (!memory.backs(at)) {
                throw first(level == levels ? 0x73 : 0x70, level);
            }
            long entry = memory.read(at);
            if (!bit(entry, 0)) {
                throw first(0x71, level);
            }
            boolean leaf = level == 1 || level <= 3 && bit(entry, 7);
            if ((entry & reservedInFirstStage(level, leaf)) != 0) {
                throw first(0x72, level);
            }
            long target = leaf ? page(entry, 0, level) : entry & bits(51, 12);
            if (nested && exceeds(target, unit.secondStageBits(aw))) {
                throw first(0x74, level);
            }
            writable &= bit(entry, 1);
            user &= bit(entry, 2);
            long marks = bits(5, 5) | (extendedAccessed ? bits(10, 10) : 0);
            if (!leaf) {
                long missing = marks & ~entry;
                checkMarkable(missing, markable, level);
                memory.set(at, missing);
                next = target;
                continue;
            }

            if (!privileged && !user) {
                throw first(0x81, 0);
            }
            boolean mayWrite = writable || privileged && !writeProtect;
            if (write && !mayWrite) {
                throw first(0x85, 0);
            }
            if (write) {
                marks |= bits(6, 6);
            }
            long missing = marks & ~entry;
            if (open.contains(Open.FIRST_STAGE_LEAF_MARKED_BEFORE_FINAL_WALK)) {
                checkMarkable(missing, markable, level);
            }
            long address = page(entry, request.iova(), level);
            if (!nested) {
                checkMarkable(missing, markable, level);
                checkOutput(address);
                memory.set(at, missing);
                return new Answer.Page(address, size(level), true, mayWrite);
            }
            var host = secondStage(address, false, false);
            checkMarkable(missing, markable, level);
            checkOutput(host.address);
            memory.set(at, missing);
            memory.set(host.entryAt, host.pending);
            return new Answer.Page(host.address, Math.min(size(level), host.size), host.read, mayWrite && host.write);
        }
    }

    private void checkMarkable(long missing, boolean markable, int level) {
        if (missing == 0) {
            return;
        }
        boolean rightFirst = open.contains(Open.WRITE_RIGHT_BEFORE_SNOOP);
        if (!markable && (rightFirst || snooped)) {
            throw new Fault(0x77);
        }
        if (!snooped) {
            throw first(0x90, level);
        }
    }

    private static Fault first(int code, int level) {
        return new Fault(code, FIRST, level);
    }

    private long reservedInFirstStage(int level, boolean leaf) {
        long reserved = unit.beyondHost() & bits(51, 12);
        if (!leaf) {
            return reserved | bits(7, 7); // of levels 5 and 4; below, bit 7 is what made it a table
        }
        if (level == 1) {
            return reserved; // bit 7 is PAT
        }
        if (!unit.firstStageLeaf(level)) {
            reserved |= bits(7, 7);
        }
        return reserved | bits(12 + 9 * (level - 1) - 1, 13); // bit 12 is PAT
    }

    // ---------------------------------------------------------------- addresses

    private void checkLateInterruptRangeRead() {
        if (interruptRange(request.iova()) && !request.hasPasid()) {
            throw new Fault(unit.legacy() ? 0xe : 0x87);
        }
    }

    private void checkOutput(long address) {
        if (interruptRange(address)) {
            throw new Fault(unit.legacy() ? 0xe : 0x87);
        }
    }

    private static boolean interruptRange(long address) {
        return address >= 0xfee00000L && address <= 0xfeefffffL;
    }

    private static boolean exceeds(long address, int bits) {
        return bits < 64 && address >>> bits != 0;
    }

    private static long index(long input, int level) {
        return input >>> 12 + 9 * (level - 1) & 0x1ff;
    }

    private static long size(int level) {
        return 0x1000L << 9 * (level - 1);
    }

    private static long page(long entry, long input, int level) {
        long within = size(level) - 1;
        return entry & bits(51, 12) & ~within | input & within;
    }

    private long[] fetch(long address, int words, int code) {
        if (!memory.backs(address)) {
            throw new Fault(code);
        }
        var fetched = new long[words];
        for (int word = 0; word < words; word++) {
            fetched[word] = memory.read(address + word * 8L);
        }
        return fetched;
    }

    private static boolean bit(long word, int position) {
        return (word >>> position & 1) != 0;
    }

    private static long bits(int high, int low) {
        return -1L >>> 63 - high & -1L << low;
    }

    private static final class Fault extends RuntimeException {
        private static final long serialVersionUID = 1L;

        final int code;
        final transient @Nullable Stage stage;
        final int level;

        Fault(int code, @Nullable Stage stage, int level) {
            super("fault " + Integer.toHexString(code), null, false, false);
            this.code = code;
            this.stage = stage;
            this.level = level;
        }

        Fault(int code) {
            this(code, null, 0);
        }
    }
}
