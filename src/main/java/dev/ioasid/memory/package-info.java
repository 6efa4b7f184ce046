/**
 * A machine's physical memory: flat, off-heap, lazily committed, with holes. Who may have which frame of it, who is
 * reading it at this moment, and how the bits of a structure in it are read.
 */
@NullMarked
package dev.ioasid.memory;

import org.jspecify.annotations.NullMarked;
