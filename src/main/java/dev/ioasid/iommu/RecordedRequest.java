package dev.ioasid.iommu;

/** What sort of request it was that left a fault record. */
public enum RecordedRequest {
    UNTRANSLATED,
    TRANSLATION_REQUEST,
    TRANSLATED,
    PAGE_REQUEST;

    public static RecordedRequest of(DmaRequest.Kind kind) {
        return switch (kind) {
            case UNTRANSLATED -> UNTRANSLATED;
            case TRANSLATION_REQUEST -> TRANSLATION_REQUEST;
            case TRANSLATED -> TRANSLATED;
        };
    }
}
