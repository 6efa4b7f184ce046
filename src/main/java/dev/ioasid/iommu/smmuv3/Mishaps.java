package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.Mishap;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is going to befall the next transactions of streams.
 *
 * <p>Any thread may call; without mishaps that costs a look at a flag.
 */
final class Mishaps {
    private record Coming(Mishap mishap, int count) {}

    private final Map<Integer, Coming> coming = new HashMap<>(); // by StreamID
    private volatile boolean any;

    /** Whether anything is going to befall anybody. */
    boolean any() {
        return any;
    }

    /** In place of what was going to befall the stream before. */
    synchronized void add(int streamId, Mishap mishap, int count) {
        put(streamId, mishap, count);
    }

    /** What befalls the stream's transaction that is there now; null: nothing. */
    synchronized @Nullable Mishap take(int streamId) {
        var next = coming.get(streamId);
        if (next == null) {
            return null;
        }
        put(streamId, next.mishap(), next.count() - 1);
        return next.mishap();
    }

    /** What would. */
    synchronized @Nullable Mishap next(int streamId) {
        var next = coming.get(streamId);
        return next == null ? null : next.mishap();
    }

    private void put(int streamId, Mishap mishap, int count) {
        if (count > 0) {
            coming.put(streamId, new Coming(mishap, count));
        } else {
            coming.remove(streamId);
        }
        any = !coming.isEmpty();
    }
}
