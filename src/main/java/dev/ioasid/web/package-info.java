/**
 * HTTP. One controller per resource: it turns a request into a command or a question and the result into a response, and
 * decides nothing. {@code Json} is how bodies are read, {@code Problems} how a refusal is told.
 */
@NullMarked
package dev.ioasid.web;

import org.jspecify.annotations.NullMarked;
