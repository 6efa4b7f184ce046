/** Who routes where, drawn. */
@NullMarked
package dev.ioasid.web.topology;

import org.jspecify.annotations.NullMarked;
