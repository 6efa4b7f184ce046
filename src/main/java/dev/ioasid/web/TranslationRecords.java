package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Stage;
import dev.ioasid.iommu.Translation;
import dev.ioasid.pagetable.Permissions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Requests and answers as records of 32 bytes, little-endian.
 *
 * <pre>
 * request   0 u32 segment&lt;&lt;16 | bus&lt;&lt;8 | device&lt;&lt;3 | function   4 u32 PASID, 0xffffffff for none   8 u64 IOVA
 *          16 u8 access: 0 read 1 write 2 execute   17 u8 flags: 1 privileged 2 no write
 *          18 u8 type: 0 untranslated 1 translation request 2 translated   19 u8 0   20 u32 0   24 u64 tag, echoed
 * answer    0 u64 address   8 u8 status: 0 translated 1 fault   9 u8 permissions: 1 r 2 w 4 x   10 u8 log2 of the page size
 *          11 u8 fault stage   12 u32 fault code   16 u64 fault address   24 u64 tag
 * </pre>
 *
 * @param tags the tag of each request
 */
record TranslationRecords(List<DmaRequest> requests, long[] tags) {
    static final int SIZE = 32;
    static final int LARGEST_BATCH = 1_000_000;

    private static final int NO_PASID = 0xffff_ffff;
    private static final int PRIVILEGED = 1;
    private static final int NO_WRITE = 2;
    private static final Access[] ACCESSES = {Access.READ, Access.WRITE, Access.EXECUTE};
    private static final TranslationController.RequestType[] TYPES = TranslationController.RequestType.values();

    /** EINVAL: not whole records, or a value that is none; {@code index} names the record. E2BIG: too many. */
    static TranslationRecords read(byte[] body) {
        if (body.length % SIZE != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "%d bytes are not a multiple of %d, the size of a record".formatted(body.length, SIZE));
        }
        int count = body.length / SIZE;
        if (count > LARGEST_BATCH) {
            throw new RefusedException(
                    Errno.E2BIG,
                    count + " requests are more than " + LARGEST_BATCH + ", the most of one call",
                    Map.of("limit", Map.of("name", "requests", "value", LARGEST_BATCH)));
        }
        var bytes = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
        var requests = new ArrayList<DmaRequest>(count);
        var tags = new long[count];
        for (int i = 0; i < count; i++) {
            try {
                requests.add(request(bytes, i * SIZE));
            } catch (RefusedException refused) {
                throw refused.with("index", i);
            }
            tags[i] = bytes.getLong(i * SIZE + 24);
        }
        return new TranslationRecords(requests, tags);
    }

    private static DmaRequest request(ByteBuffer bytes, int at) {
        int source = bytes.getInt(at);
        int pasid = bytes.getInt(at + 4);
        int access = Byte.toUnsignedInt(bytes.get(at + 16));
        int flags = Byte.toUnsignedInt(bytes.get(at + 17));
        int type = Byte.toUnsignedInt(bytes.get(at + 18));
        require(pasid == NO_PASID || pasid >= 0 && pasid <= Pasid.LARGEST, "PASID", pasid, "20 bits, or 0xffffffff");
        require(access < ACCESSES.length, "access", access, "0 read, 1 write or 2 execute");
        require((flags & ~(PRIVILEGED | NO_WRITE)) == 0, "flags", flags, "1 for privileged, 2 for no write");
        require(type < TYPES.length, "type", type, "0 untranslated, 1 translation request or 2 translated");
        require(bytes.get(at + 19) == 0 && bytes.getInt(at + 20) == 0, "padding at 19 to 23", 1, "0");
        boolean noWrite = (flags & NO_WRITE) != 0;
        require(!noWrite || type == 1, "flags", flags, "2, no write, with type 1 only");
        return new DmaRequest(
                Rid.ofSourceId(source >>> 16, source & 0xffff),
                pasid == NO_PASID ? DmaRequest.NO_PASID : pasid,
                bytes.getLong(at + 8),
                ACCESSES[access],
                (flags & PRIVILEGED) != 0,
                TYPES[type].kind(),
                noWrite);
    }

    private static void require(boolean holds, String field, int value, String expected) {
        if (!holds) {
            throw new RefusedException(
                    Errno.EINVAL, "%s is 0x%x, expected %s".formatted(field, value, expected), Map.of("field", field));
        }
    }

    private static final byte STALLED = 2;

    /** The answers to these requests, in their order. */
    byte[] answer(List<Translation> translations) {
        var bytes = ByteBuffer.allocate(translations.size() * SIZE).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < tags.length; i++) {
            int at = i * SIZE;
            switch (translations.get(i)) {
                case Translation.Translated(long address, long pageSize, Permissions permissions) ->
                    bytes.putLong(at, address)
                            .put(at + 9, (byte) bits(permissions))
                            .put(at + 10, (byte) Long.numberOfTrailingZeros(pageSize));
                case Translation.Faulted(Fault fault) -> put(bytes, at, fault);
                case Translation.Stalled stalled -> {
                    put(bytes, at, stalled.fault());
                    bytes.put(at + 8, STALLED);
                }
                case Translation.Completed completed -> {
                    var fault = completed.fault();
                    if (completed.status() != AtsCompletion.Status.SUCCESS && fault != null) {
                        put(bytes, at, fault);
                    } else if (completed.permissions().any()) {
                        bytes.putLong(at, completed.address())
                                .put(at + 9, (byte) bits(completed.permissions()))
                                .put(at + 10, (byte) Long.numberOfTrailingZeros(completed.pageSize()));
                    }
                }
            }
            bytes.putLong(at + 24, tags[i]);
        }
        return bytes.array();
    }

    private static void put(ByteBuffer bytes, int at, Fault fault) {
        bytes.put(at + 8, (byte) 1)
                .put(at + 11, (byte) number(fault.stage()))
                .putInt(at + 12, fault.code())
                .putLong(at + 16, fault.address());
    }

    private static int bits(Permissions permissions) {
        return (permissions.read() ? 1 : 0) | (permissions.write() ? 2 : 0) | (permissions.execute() ? 4 : 0);
    }

    private static int number(@Nullable Stage stage) {
        return switch (stage) {
            case null -> 0;
            case FIRST -> 1;
            case SECOND -> 2;
        };
    }
}
