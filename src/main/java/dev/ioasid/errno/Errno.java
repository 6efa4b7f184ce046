package dev.ioasid.errno;

/** Why an operation was refused, in the words of the errno that a Linux caller would get. */
public enum Errno {
    /** Malformed, unaligned, out of the format's width, or the wrong kind of object. */
    EINVAL,
    /** Another context or tenant owns it. */
    EPERM,
    /** Another context or tenant owns it. */
    EACCES,
    /** No such object. */
    ENOENT,
    /** No such device. */
    ENODEV,
    /** In use. */
    EBUSY,
    /** Would overlap, or is there already. */
    EEXIST,
    /** A reserved region meets a mapping or a promise. */
    EADDRINUSE,
    /** No PASID, IOVA or domain id left. */
    ENOSPC,
    /** A device did not do what it was asked. */
    EIO,
    /** Batch or body over its limit. */
    E2BIG,
    /** This IOMMU or device cannot do that. */
    EOPNOTSUPP,
    /** Simulated memory is full. */
    ENOMEM
}
