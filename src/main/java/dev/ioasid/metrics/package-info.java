/** Metrics over what the floors below count anyway. Nothing is counted here, and no label names a machine. */
@NullMarked
package dev.ioasid.metrics;

import org.jspecify.annotations.NullMarked;
