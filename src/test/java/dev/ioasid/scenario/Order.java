package dev.ioasid.scenario;

import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** Bytes to be moved; null data: to be read. */
record Order(DmaRoute route, long address, int length, byte @Nullable [] data) {
    boolean isWrite() {
        return data != null;
    }

    /** At most. */
    int pages() {
        return length / CopiedPage.SIZE + 2;
    }

    /** As a part of a batch. */
    String json() {
        return "{%s\"iova\": \"0x%x\", ".formatted(route.property(), address)
                + (data == null
                        ? "\"operation\": \"read\", \"length\": %d}".formatted(length)
                        : "\"operation\": \"write\", \"data\": \"%s\"}"
                                .formatted(Base64.getEncoder().encodeToString(data)));
    }
}
