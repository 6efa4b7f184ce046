package dev.ioasid.web;

import dev.ioasid.iommu.IssuedCommand;
import java.util.List;

/** {@code completed} of what was asked for has been done, by {@code descriptors}. */
record InvalidatedBody(int completed, List<DescriptorBody> descriptors) {
    static InvalidatedBody of(int completed, List<IssuedCommand> issued) {
        return new InvalidatedBody(completed, Lists.map(issued, DescriptorBody::of));
    }
}
