/**
 * What every IOMMU is, whatever its architecture: requests, translations, faults, the steps that explain them, and caches with what makes
 * them forget.
 */
@NullMarked
package dev.ioasid.iommu;

import org.jspecify.annotations.NullMarked;
