package dev.ioasid.machine;

/** What an attach does to a route that is attached already. */
public enum Replace {
    /** Attaches a free route, replaces on an attached one. */
    ALLOWED,
    /** Attaches a free route; EBUSY on an attached one. */
    FORBIDDEN,
    /** EINVAL on a free route; replaces on an attached one. */
    REQUIRED
}
