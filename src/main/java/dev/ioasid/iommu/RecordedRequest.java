package dev.ioasid.iommu;

/** What sort of request it was that left a fault record. */
public enum RecordedRequest {
    UNTRANSLATED,
    TRANSLATION_REQUEST,
    TRANSLATED,
    PAGE_REQUEST
}
