package dev.ioasid.machine;

import dev.ioasid.memory.AddressRange;
import dev.ioasid.memory.PhysicalMemory;
import java.util.List;
import java.util.function.Function;

/** Being built. */
public final class Machine implements AutoCloseable {
    /** Makes a machine. EINVAL: memory size or holes. */
    public static Machine create(String name, long memory, List<AddressRange> holes, Preset preset) {
        throw new UnsupportedOperationException();
    }

    /** Applies a command, alone. ENOENT if the machine has been closed meanwhile. */
    public <R> R apply(Command<R> command) {
        throw new UnsupportedOperationException();
    }

    /** Asks while no command is changing anything. ENOENT if the machine has been closed meanwhile. */
    public <R> R read(Function<MachineView, R> question) {
        throw new UnsupportedOperationException();
    }

    PhysicalMemory memory() {
        throw new UnsupportedOperationException();
    }

    interface Units {
        IommuSummary create(String name, boolean managed, dev.ioasid.iommu.IommuCapabilities capabilities);

        void delete(String name);

        java.util.SequencedMap<String, Long> patch(String iommu, java.util.SequencedMap<String, Long> values);

        Unit unit(String name);
    }

    interface Unit {
        dev.ioasid.iommu.IommuHardware hardware();
    }

    interface Devices {
        DeviceSummary create(dev.ioasid.iommu.Rid rid, String iommu, DeviceTraits traits);

        List<DeviceSummary> importAll(
                @org.jspecify.annotations.Nullable String iommu,
                List<dev.ioasid.machine.lspci.ListedFunction> functions,
                boolean dryRun);

        void delete(dev.ioasid.iommu.Rid rid);

        PasidSummary allocatePasid(
                dev.ioasid.iommu.Rid rid,
                @org.jspecify.annotations.Nullable Integer pasid,
                @org.jspecify.annotations.Nullable String name);

        void freePasid(dev.ioasid.iommu.Rid rid, int pasid);
    }

    interface Ioasids {
        IoasidSummary create(
                IoasidType type,
                @org.jspecify.annotations.Nullable String iommu,
                @org.jspecify.annotations.Nullable String format,
                @org.jspecify.annotations.Nullable Integer addressWidth,
                @org.jspecify.annotations.Nullable String name);

        void delete(int id);

        Paging paging(int id);
    }

    interface Paging {
        List<Mapping> map(List<MapRequest> requests);

        long unmap(long iova, long length);

        long unmapAll();
    }

    interface Routes {
        Attachment attach(Route route, int ioasid, Replace replace);

        void detach(Route route);
    }

    interface Traffic {
        List<dev.ioasid.iommu.Translation> translate(List<dev.ioasid.iommu.DmaRequest> requests);
    }

    Units units() {
        throw new UnsupportedOperationException();
    }

    Devices devices() {
        throw new UnsupportedOperationException();
    }

    Ioasids ioasids() {
        throw new UnsupportedOperationException();
    }

    Routes routes() {
        throw new UnsupportedOperationException();
    }

    Traffic traffic() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
