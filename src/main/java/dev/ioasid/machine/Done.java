package dev.ioasid.machine;

/** The result of a command that has none: it was done. */
public enum Done {
    DONE
}
