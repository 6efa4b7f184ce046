package dev.ioasid.iommu;

import dev.ioasid.memory.FrameAllocator;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.memory.Readers;
import org.jspecify.annotations.Nullable;

/** A driver's memory in which somebody looks before and after each store what the hardware would see. */
public final class WatchedMemory extends DriverMemory {
    private @Nullable Runnable betweenStores;

    public WatchedMemory(PhysicalMemory memory, FrameAllocator frames, Readers readers) {
        super(memory, frames, readers);
    }

    /** @param look null: nobody looks any more */
    public void watch(@Nullable Runnable look) {
        betweenStores = look;
    }

    @Override
    public void store(long address, long word) {
        look();
        super.store(address, word);
        look();
    }

    private void look() {
        if (betweenStores != null) {
            betweenStores.run();
        }
    }
}
