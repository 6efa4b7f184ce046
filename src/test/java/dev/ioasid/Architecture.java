package dev.ioasid;

import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import java.util.Arrays;
import java.util.stream.Stream;

/** The architectures that tests of the control plane are run on. */
public enum Architecture {
    VTD(VtdCapabilities.DEFAULT, "vtd-second-stage", "x86-64"),
    SMMUV3(SmmuCapabilities.DEFAULT, "armv8-stage2", "armv8-stage1");

    /** Until there is an SMMUv3 to build, tests on one are left out here and nowhere else. */
    private static final boolean SMMUV3_IS_BUILT = true;

    private final IommuCapabilities capabilities;
    private final String secondStage;
    private final String firstStage;

    Architecture(IommuCapabilities capabilities, String secondStage, String firstStage) {
        this.capabilities = capabilities;
        this.secondStage = secondStage;
        this.firstStage = firstStage;
    }

    /** Those that units can be built of. */
    public static Stream<Architecture> built() {
        return Arrays.stream(values()).filter(candidate -> candidate != SMMUV3 || SMMUV3_IS_BUILT);
    }

    public static boolean smmuv3IsBuilt() {
        return SMMUV3_IS_BUILT;
    }

    /** Of a current server. */
    public IommuCapabilities capabilities() {
        return capabilities;
    }

    /** The preset with one managed unit, {@code iommu0}; it is also the unit's type. */
    public String preset() {
        return name().toLowerCase(java.util.Locale.ROOT);
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
