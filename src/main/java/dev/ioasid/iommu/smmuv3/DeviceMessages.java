package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.DeviceMessage;
import java.util.ArrayDeque;
import java.util.List;

/**
 * What the unit has told devices and nobody has taken yet. All that one write of registers, or one submission of commands, has told is
 * kept. Of what was told before, the newest are: whoever does not take messages must not make them grow without limit.
 *
 * <p>Any thread may call; the object's lock is the innermost.
 */
final class DeviceMessages {
    /** More than there are STAGs: so many can one owner of the unit end, one by one, before he takes what came of it. */
    static final int KEPT = 1 << 17;

    private final ArrayDeque<DeviceMessage> waiting = new ArrayDeque<>();

    /** Something else begins, of which more messages may come. */
    synchronized void begin() {
        while (waiting.size() > KEPT) {
            waiting.removeFirst();
        }
    }

    synchronized void add(DeviceMessage message) {
        waiting.addLast(message);
    }

    /** All of them, oldest first. */
    synchronized List<DeviceMessage> take() {
        var taken = List.copyOf(waiting);
        waiting.clear();
        return taken;
    }
}
