package dev.ioasid.machine;

/** A route and where it leads. */
public record Attachment(Route route, int ioasid) {}
