package dev.ioasid.iommu.smmuv3.oracle;

import dev.ioasid.memory.PhysicalMemory;

/** Memory, word by word. */
public interface Words {
    /** Whether a fetch from there finds memory; if not, it aborts. */
    boolean backs(long address);

    long read(long address);

    void write(long address, long word);

    /** The same memory for somebody whose writes come to nothing. */
    static Words readOnly(PhysicalMemory memory) {
        var words = of(memory);
        return new Words() {
            @Override
            public boolean backs(long address) {
                return words.backs(address);
            }

            @Override
            public long read(long address) {
                return words.read(address);
            }

            @Override
            public void write(long address, long word) {}
        };
    }

    static Words of(PhysicalMemory memory) {
        return new Words() {
            @Override
            public boolean backs(long address) {
                return memory.backs(address);
            }

            @Override
            public long read(long address) {
                return memory.acquire(address);
            }

            @Override
            public void write(long address, long word) {
                memory.release(address, word);
            }
        };
    }
}
