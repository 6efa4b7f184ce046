/** The service as its users get it, the jar and the image, started from outside and driven by the README's own words. */
@NullMarked
package dev.ioasid.packaged;

import org.jspecify.annotations.NullMarked;
