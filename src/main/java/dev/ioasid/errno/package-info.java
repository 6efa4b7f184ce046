/** Why an operation is refused. The lowest part: every other one may refuse. */
@NullMarked
package dev.ioasid.errno;

import org.jspecify.annotations.NullMarked;
