/** Draws a machine's topology, as a text tree and as a picture. Both come from the values alone: same in, same out. */
@NullMarked
package dev.ioasid.web.topology;

import org.jspecify.annotations.NullMarked;
