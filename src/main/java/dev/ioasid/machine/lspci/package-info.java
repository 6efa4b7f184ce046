/**
 * A server as {@code lspci} listed it: which functions it has, what they can do, and which of them the IOMMU can keep
 * apart. {@code Entry}, {@code Heading} and {@code PciFunction} read the text; {@code BusTree}, {@code Isolation} and
 * {@code Groups} derive the groups that Linux would form; {@code KnownDevices} is what no capability tells.
 */
@NullMarked
package dev.ioasid.machine.lspci;

import org.jspecify.annotations.NullMarked;
