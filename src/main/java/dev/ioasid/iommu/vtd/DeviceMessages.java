package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DeviceMessage;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What the unit has told devices and nobody has taken yet: so many messages at most, of which the oldest are lost first.
 *
 * <p>Any thread may call; each method is one step under the object's own lock.
 */
final class DeviceMessages {
    /** More than one write of IQT, or one list of commands, can have the unit send. */
    static final int MOST = 1 << 16;

    private final Deque<DeviceMessage> untaken = new ArrayDeque<>();

    synchronized void tell(DeviceMessage message) {
        if (untaken.size() == MOST) {
            untaken.removeFirst();
        }
        untaken.addLast(message);
    }

    /** Oldest first. */
    synchronized List<DeviceMessage> take() {
        var taken = List.copyOf(untaken);
        untaken.clear();
        return taken;
    }
}
