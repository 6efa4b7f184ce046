package dev.ioasid.machine;

import dev.ioasid.pagetable.Permissions;

/**
 * A region of a process: what one call mapped, or what unmapping has left of that.
 *
 * @param address virtual, a multiple of the process's granule
 * @param length bytes
 * @param residentBytes bytes of its pages that are in memory
 */
public record ProcessMapping(long address, long length, Permissions permissions, long residentBytes) {}
