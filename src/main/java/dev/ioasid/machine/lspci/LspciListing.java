package dev.ioasid.machine.lspci;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import java.util.List;
import java.util.TreeMap;

/** What {@code lspci -D -vvv -nn} prints on a server; {@code -D} and {@code -nn} may be left out. */
public final class LspciListing {
    private record Listed(int line, PciFunction function) {}

    private LspciListing() {}

    /**
     * The functions of the listing in the order of their RIDs. A group that the listing names is believed; the others
     * are derived, and numbered from the lowest free number up. What the listing does not show, for want of {@code -vvv}
     * or of privilege, a function is taken not to have.
     *
     * <p>What a Volume Management Device hides behind itself (segments from 0x10000) is left out: its requests carry the RID
     * of that device.
     *
     * <p>EINVAL, naming the line, for what lspci does not print and for a function listed twice; EINVAL for a listing
     * without functions.
     */
    public static List<ListedFunction> read(String text) {
        var functions = new TreeMap<Rid, Listed>();
        for (var entry : Entry.split(text)) {
            if (Heading.isHidden(entry.heading())) {
                continue;
            }
            var function = PciFunction.of(entry);
            var listed = new Listed(entry.heading().number(), function);
            var earlier = functions.putIfAbsent(function.rid(), listed);
            if (earlier != null) {
                throw entry.heading()
                        .refused(function.rid() + " is listed already, in line " + earlier.line())
                        .with("rid", function.rid());
            }
        }
        if (functions.isEmpty()) {
            throw new RefusedException(
                    Errno.EINVAL, "the listing has no functions: expected what lspci -D -vvv -nn prints");
        }
        return Groups.of(functions.values().stream().map(Listed::function).toList());
    }
}
