package dev.ioasid.iommu;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.function.LongConsumer;

/** What a unit writes to memory for software to find: records, and the data of messages and waits. Any thread may call. */
public final class UnitWrites {
    private final PhysicalMemory memory;
    private final LongConsumer written;

    /** @param written told of each word of memory that was written */
    public UnitWrites(PhysicalMemory memory, LongConsumer written) {
        this.memory = memory;
        this.written = written;
    }

    /**
     * Writes 32 bits, whatever becomes of the other half of their word meanwhile. False: the write was aborted, there is no memory.
     *
     * @param address a multiple of 4
     */
    public boolean message(long address, long data) {
        if (!memory.backs(address)) {
            return false;
        }
        long word = address & -Long.BYTES;
        long shift = (address & 4) * Byte.SIZE;
        memory.commit(AddressRange.of(word, Long.BYTES));
        long before;
        do {
            before = memory.acquire(word);
        } while (!memory.swap(word, before, before & ~(0xffff_ffffL << shift) | data << shift));
        written.accept(word);
        return true;
    }

    /**
     * Writes a record. False: the write was aborted, there is no memory.
     *
     * @param address a multiple of its size, which divides a page
     */
    public boolean record(long address, long... words) {
        if (!memory.backs(address)) {
            return false;
        }
        memory.commit(AddressRange.of(address, (long) words.length * Long.BYTES));
        for (int word = 0; word < words.length; word++) {
            long at = address + (long) word * Long.BYTES;
            memory.release(at, words[word]);
            written.accept(at);
        }
        return true;
    }
}
