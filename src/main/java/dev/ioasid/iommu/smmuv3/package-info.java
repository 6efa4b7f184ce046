/**
 * Arm SMMUv3 with substreams, its Non-secure interface of versions 3.1 to 3.3 with VMSAv8-64 tables. {@code SmmuHardware} reads
 * registers and memory only; {@code SmmuDriver} writes the tables and commands that a kernel driver would. They meet nowhere but in
 * memory. Source: Arm IHI 0070 issue G.b, to which section numbers refer.
 */
@NullMarked
package dev.ioasid.iommu.smmuv3;

import org.jspecify.annotations.NullMarked;
