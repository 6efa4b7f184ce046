package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.DmaOrder;
import dev.ioasid.machine.DmaResult;
import dev.ioasid.machine.DmaSummary;
import dev.ioasid.web.TranslationController.FaultBody;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What DMA is on the wire: how it is asked for, and what has become of it. */
final class DmaBodies {
    static final int LARGEST_BATCH = 10_000;

    /** As the device sees it: {@code read} brings bytes to it. */
    enum Direction {
        READ,
        WRITE
    }

    enum Status {
        COMPLETED,
        FAULTED,
        PENDING;

        static Status of(DmaResult.Status status) {
            return switch (status) {
                case COMPLETED -> COMPLETED;
                case FAULTED -> FAULTED;
                case PENDING -> PENDING;
            };
        }
    }

    /** A place in a region of another device, which stands for its bus address; the first region unless it says otherwise. */
    record TargetBody(Rid rid, @Nullable Integer region, Hex offset) {
        /** As a query says it; null: it says none. */
        static @Nullable TargetBody of(@Nullable Rid target, @Nullable Integer region, @Nullable Hex offset) {
            if (target != null && offset != null) {
                return new TargetBody(target, region, offset);
            }
            if (target != null || region != null || offset != null) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "a target has an offset, and a region or an offset is that of a target",
                        Map.of("parameter", target == null ? "target" : "offset"));
            }
            return null;
        }

        DmaOrder.Target target() {
            return new DmaOrder.Target(rid, region == null ? 0 : region, offset.value());
        }
    }

    /** To an {@code iova} or a {@code target}. A read has a {@code length}, a write has {@code data}, in base64. */
    record DmaRequestBody(
            @Nullable Pasid pasid,
            @Nullable Hex iova,
            @Nullable TargetBody target,
            Direction operation,
            @Nullable Hex length,
            byte @Nullable [] data,
            @Nullable Boolean privileged) {
        DmaOrder order() {
            checkEnd(iova, target);
            boolean write = operation == Direction.WRITE;
            if (write ? data == null : data != null) {
                throw new RefusedException(
                        Errno.EINVAL, write ? "a write has data" : "a read has no data", Map.of("property", "data"));
            }
            if (!write && length == null) {
                throw new RefusedException(Errno.EINVAL, "a read has a length", Map.of("property", "length"));
            }
            if (data != null && length != null && length.value() != data.length) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "length is %s, and data has 0x%x bytes".formatted(length, data.length),
                        Map.of("property", "length"));
            }
            return new DmaOrder(
                    Pasid.orNone(pasid),
                    iova == null ? 0 : iova.value(),
                    target == null ? null : target.target(),
                    write ? Access.WRITE : Access.READ,
                    Boolean.TRUE.equals(privileged),
                    data == null ? bytes(length) : data.length,
                    data);
        }

        private static void checkEnd(@Nullable Hex iova, @Nullable TargetBody target) {
            if ((iova == null) == (target == null)) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "DMA goes to an iova or to a target, to one of the two",
                        Map.of("property", "iova"));
            }
        }

        private static int bytes(@Nullable Hex length) {
            long value = length == null ? 0 : length.value();
            if (Long.compareUnsigned(value, DmaOrder.LARGEST) > 0) {
                throw new RefusedException(
                        Errno.E2BIG,
                        "length is %s, expected 0x1 to 0x%x".formatted(length, DmaOrder.LARGEST),
                        Map.of("property", "length"));
            }
            return (int) value;
        }
    }

    /** One DMA of the device. */
    record NewDma(
            Rid rid,
            @Nullable Pasid pasid,
            @Nullable Hex iova,
            @Nullable TargetBody target,
            Direction operation,
            @Nullable Hex length,
            byte @Nullable [] data,
            @Nullable Boolean privileged) {
        Command.StartDma command() {
            var order = new DmaRequestBody(pasid, iova, target, operation, length, data, privileged).order();
            return new Command.StartDma(rid, order);
        }
    }

    /** Several of one device, which does one after the other. */
    record NewDmaBatch(Rid rid, List<DmaRequestBody> requests) {
        NewDmaBatch {
            if (requests.isEmpty() || requests.size() > LARGEST_BATCH) {
                throw new RefusedException(
                        requests.isEmpty() ? Errno.EINVAL : Errno.E2BIG,
                        "%d requests, expected 1 to %d".formatted(requests.size(), LARGEST_BATCH),
                        Map.of("limit", Map.of("name", "requests", "value", LARGEST_BATCH)));
            }
        }

        Command.StartDma command() {
            var orders = new ArrayList<DmaOrder>(requests.size());
            for (int index = 0; index < requests.size(); index++) {
                try {
                    orders.add(requests.get(index).order());
                } catch (RefusedException refused) {
                    throw refused.with("index", index);
                }
            }
            return new Command.StartDma(rid, orders, true);
        }
    }

    /** {@code data} is what a read has brought, in base64; {@code fault} what has stopped it after {@code transferred} bytes. */
    record DmaResultBody(
            Status status,
            int transferred,
            byte @Nullable [] data,
            @Nullable FaultBody fault) {
        static DmaResultBody of(DmaResult result) {
            return new DmaResultBody(
                    Status.of(result.status()),
                    result.transferred(),
                    result.data(),
                    result.fault() == null ? null : FaultBody.of(result.fault()));
        }
    }

    /**
     * {@code id}, by which to ask for it, if it had to wait. Of a batch there are {@code results}; it is pending as long as one of them is, and faulted
     * if one is, and {@code transferred} is the sum.
     */
    record DmaBody(
            @Nullable Long id,
            Rid rid,
            Status status,
            long transferred,
            byte @Nullable [] data,
            @Nullable FaultBody fault,
            @Nullable List<DmaResultBody> results) {
        static DmaBody of(DmaSummary dma) {
            var results = Lists.map(dma.results(), DmaResultBody::of);
            if (!dma.batch()) {
                var one = results.getFirst();
                return new DmaBody(dma.id(), dma.rid(), one.status, one.transferred, one.data, one.fault, null);
            }
            long transferred =
                    results.stream().mapToLong(DmaResultBody::transferred).sum();
            return new DmaBody(dma.id(), dma.rid(), status(dma, results), transferred, null, null, results);
        }

        private static Status status(DmaSummary dma, List<DmaResultBody> results) {
            if (dma.isPending()) {
                return Status.PENDING;
            }
            return results.stream().anyMatch(result -> result.status == Status.FAULTED)
                    ? Status.FAULTED
                    : Status.COMPLETED;
        }
    }

    private DmaBodies() {}
}
