/**
 * SMMUv3 translation a second time: slow, readable, written from the specification alone, for tests to compare with.
 */
@NullMarked
package dev.ioasid.iommu.smmuv3.oracle;

import org.jspecify.annotations.NullMarked;
