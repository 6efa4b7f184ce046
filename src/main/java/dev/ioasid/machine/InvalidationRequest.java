package dev.ioasid.machine;

import dev.ioasid.iommu.Invalidation;

/** What is to be forgotten, and of whom. */
public record InvalidationRequest(Target target, Invalidation what) {
    /** Of whom. */
    public sealed interface Target {
        /** The table that a user keeps. */
        record OfBind(int bind) implements Target {}

        /** The table of a paging IOASID, whichever routes lead through it. */
        record OfIoasid(int ioasid) implements Target {}

        /** One route; with {@link Invalidation.Granularity#DEVICE}, and without PASID, all of the device's. */
        record OfRoute(Route route) implements Target {}
    }
}
