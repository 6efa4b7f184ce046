/**
 * VT-d, scalable and legacy mode. {@code VtdHardware} reads registers and memory only; {@code VtdDriver} writes the tables
 * that a kernel driver would. They meet nowhere but in memory. Source: VT-d 5.10.
 */
@NullMarked
package dev.ioasid.iommu.vtd;

import org.jspecify.annotations.NullMarked;
