package dev.ioasid.iommu.smmuv3;

import dev.ioasid.iommu.CacheGeometry;

/** placeholder */
public record SmmuCacheGeometries(CacheGeometry ste, CacheGeometry cd, CacheGeometry tlb, CacheGeometry atc) {}
