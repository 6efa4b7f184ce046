package dev.ioasid.iommu.vtd;

import dev.ioasid.pagetable.Levels512;
import java.util.ArrayList;
import java.util.List;

/** A range as the fewest naturally aligned powers of two of pages that make it up, as descriptors want them. */
final class PageBlocks {
    /**
     * One of them.
     *
     * @param address aligned to its size
     * @param order it has {@code 2^order} pages
     */
    record Block(long address, int order) {
        long last() {
            int shift = Levels512.GRANULE_SHIFT + order;
            return shift >= Long.SIZE ? -1 : address + (1L << shift) - 1;
        }
    }

    private PageBlocks() {}

    /**
     * The blocks of a range that is made of whole pages, ascending. The largest that begins at an address and does not go too far is
     * always taken: there is no way with fewer.
     *
     * @param largestOrder of a block
     * @param most where there are more, only so many and one are made
     */
    static List<Block> of(long first, long last, int largestOrder, int most) {
        var blocks = new ArrayList<Block>();
        long at = first;
        while (true) {
            long pagesLeft = (last - at >>> Levels512.GRANULE_SHIFT) + 1;
            int aligned = at == 0 ? Long.SIZE : Long.numberOfTrailingZeros(at) - Levels512.GRANULE_SHIFT;
            int fits = Long.SIZE - 1 - Long.numberOfLeadingZeros(pagesLeft);
            int order = Math.min(Math.min(aligned, fits), largestOrder);
            var block = new Block(at, order);
            blocks.add(block);
            if (Long.compareUnsigned(block.last(), last) >= 0 || blocks.size() > most) {
                return blocks;
            }
            at = block.last() + 1;
        }
    }
}
