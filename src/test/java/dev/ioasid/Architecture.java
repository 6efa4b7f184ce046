package dev.ioasid;

import dev.ioasid.iommu.IommuCapabilities;
import dev.ioasid.iommu.Stage;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import java.util.List;
import java.util.Locale;

/** The architectures that tests of the control plane are run on, and what such tests have to know of each. */
public enum Architecture {
    VTD(VtdCapabilities.DEFAULT, 20, "vtd-second-stage", "x86-64", "vtd-second-stage") {
        @Override
        public long tableEntry(long address) {
            return address | 7; // present, writable, for users
        }

        @Override
        public long pageEntry(long address) {
            return address | 7;
        }

        @Override
        public FaultName notMapped(Stage stage) {
            return stage == Stage.FIRST
                    ? new FaultName("0x71", "SFS.2", "first")
                    : new FaultName("0x79", "SSS.2", "second");
        }

        @Override
        public FaultName readOnly() {
            return new FaultName("0x85", "SGN.6", "second");
        }

        @Override
        public FaultName notAttached() {
            return new FaultName("0x59", "SPT.2", "");
        }
    },
    SMMUV3(SmmuCapabilities.DEFAULT, 16, "armv8-stage2", "armv8-stage1", "armv8-stage1") {
        @Override
        public long tableEntry(long address) {
            return address | 3;
        }

        @Override
        public long pageEntry(long address) {
            return address | 0xc43; // page, AP[1]: for users, AF, nG
        }

        @Override
        public FaultName notMapped(Stage stage) {
            return new FaultName("0x10", "F_TRANSLATION", stage == Stage.FIRST ? "first" : "second");
        }

        @Override
        public FaultName readOnly() {
            return new FaultName("0x13", "F_PERMISSION", "first");
        }

        @Override
        public FaultName notAttached() {
            return new FaultName("0xa", "C_BAD_CD", "");
        }
    };

    /** What a fault is called. */
    public record FaultName(String code, String name, String stage) {
        /** The part of the fault's JSON that says it. */
        public String json() {
            return stage.isEmpty()
                    ? "{\"code\": \"%s\", \"name\": \"%s\"}".formatted(code, name)
                    : "{\"code\": \"%s\", \"name\": \"%s\", \"stage\": \"%s\"}".formatted(code, name, stage);
        }
    }

    private final IommuCapabilities capabilities;
    private final int pasidBits;
    private final String secondStage;
    private final String firstStage;
    private final String shared;

    Architecture(IommuCapabilities capabilities, int pasidBits, String secondStage, String firstStage, String shared) {
        this.capabilities = capabilities;
        this.pasidBits = pasidBits;
        this.secondStage = secondStage;
        this.firstStage = firstStage;
        this.shared = shared;
    }

    /** Of a current server. */
    public IommuCapabilities capabilities() {
        return capabilities;
    }

    /** Width of the PASIDs of such a unit. */
    public int pasidBits() {
        return pasidBits;
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

    /** The format of IOASIDs to which RIDs and PASIDs lead side by side: the usual one, if a PASID can have it for itself. */
    public String shared() {
        return shared;
    }

    /** The stage that walks a table of the shared format. */
    public Stage sharedStage() {
        return shared.equals(firstStage) ? Stage.FIRST : Stage.SECOND;
    }

    /** The cache of translations. */
    public String translationCache() {
        return this == VTD ? "iotlb" : "tlb";
    }

    /** A cache of what says where a PASID leads. */
    public String routeCache() {
        return this == VTD ? "pasid-cache" : "cd";
    }

    /** The raw command by which a unit forgets every translation that it has. */
    public List<Long> forgetTranslations() {
        return this == VTD ? List.of(0x12L, 0L) : List.of(0x30L, 0L);
    }

    /** An entry of a user's table that leads to a table of the next level. */
    public abstract long tableEntry(long address);

    /** An entry of the last level, for a page that every request may read and write. */
    public abstract long pageEntry(long address);

    /** Nothing is mapped at an address. */
    public abstract FaultName notMapped(Stage stage);

    /** A write to a page of an IOASID of the shared format that is for reading. */
    public abstract FaultName readOnly();

    /** A request with a PASID that leads nowhere, of a device that has PASIDs. */
    public abstract FaultName notAttached();
}
