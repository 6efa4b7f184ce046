/** The measured worlds and what is done in them, so that a test can say that it is the right thing that is measured. */
@NullMarked
package dev.ioasid.bench;

import org.jspecify.annotations.NullMarked;
