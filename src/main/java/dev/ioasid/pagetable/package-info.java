/**
 * The translation core: table formats as data, the walk over them, and the lock-striped page table of an IOASID.
 */
@NullMarked
package dev.ioasid.pagetable;

import org.jspecify.annotations.NullMarked;
