package dev.ioasid.iommu;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.pagetable.IoPageTable;
import java.util.Map;

/** Where a route leads. */
public sealed interface Destination {
    /** Through a page table that the service keeps. */
    record Paged(IoPageTable table) implements Destination {}

    /**
     * Through a page table that the user keeps, every address of which goes through {@code parent}.
     *
     * @param domain whose translations they are: the same object, the same domain
     */
    record Nested(Object domain, IoPageTable parent, UserTable table) implements Destination {
        /** Refuses a table that begins where the parent's space has no address. EINVAL. */
        public void checkRoot() {
            if (table.root() >>> parent.inputBits() != 0) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "root 0x%x lies beyond the %d bits of the parent's space"
                                .formatted(table.root(), parent.inputBits()),
                        Map.of("root", table.root()));
            }
        }
    }

    /** Straight to the address that the request has. */
    record PassThrough() implements Destination {}
}
