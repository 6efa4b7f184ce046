/** The control plane: finds the machine, applies the command. */
@NullMarked
package dev.ioasid.service;

import org.jspecify.annotations.NullMarked;
