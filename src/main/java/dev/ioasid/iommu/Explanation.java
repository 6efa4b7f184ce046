package dev.ioasid.iommu;

import java.util.List;

/** A translation with every step that led to it. Nothing was changed to find it. */
public record Explanation(Translation result, List<Step> steps) {}
