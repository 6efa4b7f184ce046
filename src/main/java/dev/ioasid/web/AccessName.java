package dev.ioasid.web;

import dev.ioasid.iommu.Access;

/** What a request wants to do with the memory at its address. */
enum AccessName {
    READ,
    WRITE,
    EXECUTE;

    static AccessName of(Access access) {
        return switch (access) {
            case READ -> READ;
            case WRITE -> WRITE;
            case EXECUTE -> EXECUTE;
        };
    }

    Access access() {
        return switch (this) {
            case READ -> Access.READ;
            case WRITE -> Access.WRITE;
            case EXECUTE -> Access.EXECUTE;
        };
    }
}
