package dev.ioasid.web;

import dev.ioasid.iommu.Stage;
import org.jspecify.annotations.Nullable;

/** Which of the two translations: the first takes a device's address, the second a guest physical one. */
enum StageName {
    FIRST,
    SECOND;

    static @Nullable StageName of(@Nullable Stage stage) {
        return switch (stage) {
            case null -> null;
            case FIRST -> FIRST;
            case SECOND -> SECOND;
        };
    }
}
