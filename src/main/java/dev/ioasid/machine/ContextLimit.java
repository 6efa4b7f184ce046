package dev.ioasid.machine;

import dev.ioasid.errno.Errno;

/** What a context can be limited in. */
public enum ContextLimit {
    IOASIDS("ioasids", "IOASIDs", Errno.ENOSPC),
    /** As they are listed. */
    MAPPINGS("mappings", "mappings", Errno.ENOSPC),
    /** Routes with PASID that lead to its IOASIDs. */
    PASIDS("pasids", "PASIDs attached", Errno.ENOSPC),
    /** Bytes of memory that its IOASIDs map; what is mapped by physical address counts each time. */
    PINNED_BYTES("pinnedBytes", "bytes pinned", Errno.ENOMEM);

    private final String key;
    private final String words;
    private final Errno errno;

    ContextLimit(String key, String words, Errno errno) {
        this.key = key;
        this.words = words;
        this.errno = errno;
    }

    /** Its name in a refusal. */
    String key() {
        return key;
    }

    /** What is refused beyond the limit. */
    Errno errno() {
        return errno;
    }

    /** So much of it, in words. */
    String say(long amount) {
        return (this == PINNED_BYTES ? "0x%x %s" : "%d %s").formatted(amount, words);
    }

    /** So much of it as the subject of a refusal: counts are integers, bytes are not. */
    Number subject(long amount) {
        if (this == PINNED_BYTES) {
            return amount;
        }
        return Math.toIntExact(amount);
    }
}
