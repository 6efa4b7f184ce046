/**
 * What every IOMMU is, whatever its architecture: requests, translations, faults, and the steps that explain them.
 */
@NullMarked
package dev.ioasid.iommu;

import org.jspecify.annotations.NullMarked;
