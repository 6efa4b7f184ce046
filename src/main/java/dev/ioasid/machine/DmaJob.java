package dev.ioasid.machine;

import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Rid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Orders of one device that are carried out one after the other, and how far they have come. Driven by {@link Transfers} only. */
final class DmaJob {
    private final Device device;
    private final List<DmaOrder> orders;
    private final boolean batch;
    private final List<DmaResult> results = new ArrayList<>();
    private int moved;
    private byte @Nullable [] received;
    private int tries;
    private @Nullable Long id;

    DmaJob(Device device, List<DmaOrder> orders, boolean batch) {
        this.device = device;
        this.orders = orders;
        this.batch = batch;
    }

    Device device() {
        return device;
    }

    /** Null as long as it has not had to wait. */
    @Nullable
    Long id() {
        return id;
    }

    void name(long chosen) {
        id = chosen;
    }

    boolean isOver() {
        return results.size() == orders.size();
    }

    /** That all orders are to move. */
    long bytes() {
        return orders.stream().mapToLong(DmaOrder::length).sum();
    }

    /** The one that is being carried out. */
    DmaOrder order() {
        return orders.get(results.size());
    }

    /** Where it goes on. */
    long at() {
        return order().iova() + moved;
    }

    /** Bytes still to be moved. */
    int left() {
        return order().length() - moved;
    }

    /** The next bytes to be written. */
    byte[] outgoing(int count) {
        var data = order().data();
        if (data == null) {
            throw new IllegalStateException("a read has nothing to write");
        }
        return Arrays.copyOfRange(data, moved, moved + count);
    }

    /** These bytes have been read. */
    void incoming(byte[] bytes) {
        if (received == null) {
            received = new byte[order().length()];
        }
        System.arraycopy(bytes, 0, received, moved, bytes.length);
        advance(bytes.length);
    }

    /** So many bytes have been moved; after the last of them the order is complete. */
    void advance(int count) {
        moved += count;
        tries = 0;
        if (left() == 0) {
            end(DmaResult.Status.COMPLETED, null);
        }
    }

    /** The order has been stopped. */
    void stop(Fault fault) {
        end(DmaResult.Status.FAULTED, fault);
    }

    private void end(DmaResult.Status status, @Nullable Fault fault) {
        byte[] data = null;
        if (order().data() == null) {
            var all = received == null ? new byte[0] : received;
            data = all.length == moved ? all : Arrays.copyOf(all, moved);
        }
        results.add(new DmaResult(status, moved, data, fault));
        moved = 0;
        tries = 0;
        received = null;
    }

    /** Asks for the page it is at as if it had not before. */
    void begin() {
        tries = 0;
    }

    /** How often the device has asked for the page it is at, this time included. */
    int tryAgain() {
        return ++tries;
    }

    Rid rid() {
        return device.rid();
    }

    /** What there is to tell when it is over. */
    List<MachineEvent> events() {
        var events = new ArrayList<MachineEvent>(orders.size());
        for (int i = 0; i < orders.size(); i++) {
            var order = orders.get(i);
            events.add(new MachineEvent.DmaDone(
                    id,
                    new Route(device.rid(), order.pasid()),
                    order.iova(),
                    order.access(),
                    order.length(),
                    results.get(i).transferred()));
        }
        return events;
    }

    DmaSummary summary() {
        var all = new ArrayList<>(results);
        for (int i = all.size(); i < orders.size(); i++) {
            all.add(new DmaResult(DmaResult.Status.PENDING, i == results.size() ? moved : 0, null, null));
        }
        return new DmaSummary(id, device.rid(), batch, List.copyOf(all));
    }
}
