package dev.ioasid.errno;

import java.util.LinkedHashMap;
import java.util.Map;

/** An operation was refused and nothing has changed. Expected, so it carries no stack trace. */
public final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Errno errno;
    private final transient Map<String, Object> subjects;

    /**
     * @param detail what was found and what was expected, in a sentence
     * @param subjects the ids and addresses concerned, by the names they have in the problem document; an address or a
     *     length is a {@code Long}, an id an {@code Integer}, anything else prints itself
     */
    public RefusedException(Errno errno, String detail, Map<String, ?> subjects) {
        super(detail, null, false, false);
        this.errno = errno;
        this.subjects = new LinkedHashMap<>(subjects);
    }

    public RefusedException(Errno errno, String detail) {
        this(errno, detail, Map.of());
    }

    public Errno errno() {
        return errno;
    }

    public Map<String, Object> subjects() {
        return Map.copyOf(subjects);
    }

    /** The same refusal, naming one more subject. */
    public RefusedException with(String subject, Object value) {
        var more = new LinkedHashMap<String, Object>(subjects);
        more.put(subject, value);
        return new RefusedException(errno, message(), more);
    }

    private String message() {
        var message = getMessage();
        return message == null ? "" : message;
    }
}
