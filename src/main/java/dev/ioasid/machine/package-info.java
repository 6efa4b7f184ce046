/**
 * One simulated machine: its memory, IOMMUs, devices and their groups, IOASIDs, attachments and PASIDs, and the
 * processes of its CPUs. Everything that
 * changes it is a {@code Command}.
 */
@NullMarked
package dev.ioasid.machine;

import org.jspecify.annotations.NullMarked;
