/**
 * Fault reports as users have them in hand: kernel logs and raw record words, read and explained. {@code DmarReports}, {@code SmmuReports} and
 * {@code BareWords} each know some shapes of lines; {@code Advice} is what usually causes a fault, and where to look next.
 */
@NullMarked
package dev.ioasid.iommu.kernellog;

import org.jspecify.annotations.NullMarked;
