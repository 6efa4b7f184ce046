package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Why the service may refuse this operation, beyond what every operation is refused for: malformed input, an object that is
 * not there, a body over its limit. Documentation: the OpenAPI document lists them.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
@interface Refuses {
    Errno[] value();
}
