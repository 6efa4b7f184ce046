package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DriverMemory;
import java.util.HashMap;
import java.util.Map;

/**
 * The PASID directory of one device and the PASID tables below it, as the driver keeps them: a table exists while one of its
 * entries is in use.
 */
final class PasidTables {
    private static final long PAGE_SIZE = 4096;

    private final DriverMemory memory;
    private final int pasidBits;
    private final int directoryBits;
    private final long directory;
    private final Map<Long, Integer> entriesInUse = new HashMap<>(); // by where the link to the table is
    private int inUse;

    /**
     * An empty directory. ENOMEM.
     *
     * @param pasidBits it reaches PASIDs of so many bits
     */
    PasidTables(DriverMemory memory, int pasidBits) {
        this.memory = memory;
        this.pasidBits = pasidBits;
        this.directoryBits = Math.max(pasidBits, ScalableContextEntry.SMALLEST_PASID_BITS)
                - ScalableContextEntry.SMALLEST_PASID_BITS;
        this.directory = memory.allocate(directoryBytes());
    }

    private long directoryBytes() {
        return PasidDirectoryEntry.SIZE * 128L << directoryBits;
    }

    int pasidBits() {
        return pasidBits;
    }

    long directory() {
        return directory;
    }

    /** What the context entry says of the directory's size: PDTS. */
    int size() {
        return directoryBits;
    }

    boolean isEmpty() {
        return inUse == 0;
    }

    /** Fills the entry of a PASID that has none. ENOMEM; then nothing has changed. */
    void add(int pasid, long[] words) {
        long link = PasidDirectoryEntry.address(directory, pasid);
        if (PasidDirectoryEntry.P.isSet(memory.word(link))) {
            memory.fill(PasidTableEntry.address(table(link), pasid), words);
        } else {
            long table = memory.allocate(PAGE_SIZE);
            memory.fill(PasidTableEntry.address(table, pasid), words);
            memory.publish(link, PasidDirectoryEntry.SMPTBLPTR.address(table) | PasidDirectoryEntry.P.of(1));
        }
        entriesInUse.merge(link, 1, Integer::sum);
        inUse++;
    }

    /** Replaces the entry of a PASID. ENOMEM; then nothing has changed. */
    void replace(int pasid, long[] words) {
        long link = PasidDirectoryEntry.address(directory, pasid);
        long table = table(link);
        memory.replace(link, table, PasidTableEntry.address(table, pasid), words);
    }

    /** Empties the entry of a PASID. */
    void remove(int pasid) {
        long link = PasidDirectoryEntry.address(directory, pasid);
        long table = table(link);
        memory.empty(PasidTableEntry.address(table, pasid), PasidTableEntry.WORDS);
        inUse--;
        if (entriesInUse.merge(link, -1, Integer::sum) == 0) {
            entriesInUse.remove(link);
            memory.empty(link, 1);
            memory.free(table, PAGE_SIZE);
        }
    }

    private long table(long link) {
        return PasidDirectoryEntry.SMPTBLPTR.address(memory.word(link));
    }

    /** Gives back the directory. No context entry points to it any more, and no entry is left. */
    void close() {
        memory.free(directory, directoryBytes());
    }
}
