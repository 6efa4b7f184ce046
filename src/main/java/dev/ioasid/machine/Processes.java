package dev.ioasid.machine;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.pagetable.Permissions;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The processes of a machine, by id. Guarded by the machine's lock. */
final class Processes {
    private final Machine machine;
    private final TreeMap<Integer, CpuProcess> byId = new TreeMap<>();

    Processes(Machine machine) {
        this.machine = machine;
    }

    ProcessSummary create(String format, @Nullable Integer levels, @Nullable Long granule, boolean demandPaging) {
        var shape = ProcessShape.of(format, levels, granule, machine.memory().size());
        int id = LowestFree.of(byId.navigableKeySet());
        var process = new CpuProcess(machine, id, shape, demandPaging);
        byId.put(id, process);
        return process.summary();
    }

    void delete(int id) {
        process(id).exit();
        byId.remove(id);
    }

    /** See {@link CpuProcess#touch}. */
    boolean touch(CpuProcess process, long address, Permissions wanted) {
        return process.touch(address, wanted);
    }

    Collection<CpuProcess> all() {
        return byId.values();
    }

    /** ENOENT. */
    CpuProcess process(int id) {
        var process = byId.get(id);
        if (process == null) {
            throw new RefusedException(Errno.ENOENT, "there is no process " + id, Map.of("process", id));
        }
        return process;
    }
}
