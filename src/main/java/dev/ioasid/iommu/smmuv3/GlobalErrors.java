package dev.ioasid.iommu.smmuv3;

import dev.ioasid.memory.BitField;

/**
 * SMMU_GERROR and SMMU_GERRORN. The unit turns a bit of the first to report an error, software the same bit of the second to acknowledge
 * it; an error that is active already is not reported again. IHI 0070, section 7.5.
 *
 * <p>Any thread may call; each method is one step under the object's own lock, inside which only that of its {@link Msi} is taken.
 */
final class GlobalErrors {
    private final long existing;
    private final Msi interrupt;
    private long reported;
    private long acknowledged;

    GlobalErrors(SmmuCapabilities capabilities, Msi interrupt) {
        this.interrupt = interrupt;
        this.existing = existing(capabilities);
    }

    private static long existing(SmmuCapabilities capabilities) {
        long errors = Gerror.CMDQ_ERR.mask() | Gerror.EVENTQ_ABT_ERR.mask() | Gerror.SFM_ERR.mask();
        if (capabilities.pri()) {
            errors |= Gerror.PRIQ_ABT_ERR.mask();
        }
        if (capabilities.msi()) {
            errors |= Gerror.MSI_CMDQ_ABT_ERR.mask()
                    | Gerror.MSI_EVENTQ_ABT_ERR.mask()
                    | Gerror.MSI_GERROR_ABT_ERR.mask();
        }
        if (capabilities.msi() && capabilities.pri()) {
            errors |= Gerror.MSI_PRIQ_ABT_ERR.mask();
        }
        return errors;
    }

    /** GERROR. */
    synchronized long reported() {
        return reported;
    }

    /** GERRORN. */
    synchronized long acknowledged() {
        return acknowledged;
    }

    synchronized boolean isActive(BitField error) {
        return error.isSet(reported ^ acknowledged);
    }

    /** Reports an error, unless it is active. */
    synchronized void raise(BitField error) {
        if (isActive(error)) {
            return;
        }
        reported ^= error.mask();
        // the loss of such a message is not told by another
        if (error != Gerror.MSI_GERROR_ABT_ERR && !interrupt.send()) {
            raise(Gerror.MSI_GERROR_ABT_ERR);
        }
    }

    /** Writes GERRORN. */
    synchronized void acknowledge(long value) {
        acknowledged = value & existing;
    }
}
