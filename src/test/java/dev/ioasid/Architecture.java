package dev.ioasid;

import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import java.util.Locale;

/** The architectures that tests of the control plane are run on. */
public enum Architecture {
    VTD(VtdCapabilities.DEFAULT, "vtd-second-stage", "x86-64"),
    SMMUV3(SmmuCapabilities.DEFAULT, "armv8-stage2", "armv8-stage1");

    private final IommuCapabilities capabilities;
    private final String secondStage;
    private final String firstStage;

    Architecture(IommuCapabilities capabilities, String secondStage, String firstStage) {
        this.capabilities = capabilities;
        this.secondStage = secondStage;
        this.firstStage = firstStage;
    }

    /** Of a current server. */
    public IommuCapabilities capabilities() {
        return capabilities;
    }

    /** The preset with one managed unit, {@code iommu0}; it is also the unit's type. */
    public String preset() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The usual format of an IOASID, on which a user's table can be nested. */
    public String secondStage() {
        return secondStage;
    }

    /** The format of a user's table. */
    public String firstStage() {
        return firstStage;
    }
}
