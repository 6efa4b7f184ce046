/** The control plane: finds the machine, applies the command, lets others follow its events. */
@NullMarked
package dev.ioasid.service;

import org.jspecify.annotations.NullMarked;
