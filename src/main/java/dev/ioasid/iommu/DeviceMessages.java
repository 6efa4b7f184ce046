package dev.ioasid.iommu;

import java.util.ArrayDeque;
import java.util.List;

/**
 * What a unit has told devices and nobody has taken yet. All that one write of registers, or one submission of commands, has told is
 * kept. Of what was told before, the newest are: whoever does not take messages must not make them grow without limit.
 *
 * <p>Any thread may call; the object's lock is the innermost.
 */
public final class DeviceMessages {
    /** More than an SMMUv3 has STAGs: so many can one owner of the unit end, one by one, before he takes what came of it. */
    public static final int KEPT = 1 << 17;

    private final ArrayDeque<DeviceMessage> waiting = new ArrayDeque<>();

    /** Something else begins, of which more messages may come. */
    public synchronized void begin() {
        while (waiting.size() > KEPT) {
            waiting.removeFirst();
        }
    }

    public synchronized void add(DeviceMessage message) {
        waiting.addLast(message);
    }

    /** All of them, oldest first. */
    public synchronized List<DeviceMessage> take() {
        var taken = List.copyOf(waiting);
        waiting.clear();
        return taken;
    }
}
