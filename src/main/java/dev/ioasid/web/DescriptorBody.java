package dev.ioasid.web;

import dev.ioasid.iommu.IssuedCommand;
import java.util.List;
import java.util.Map;

/** What a unit's queue was given: {@code words} as they are, lowest first, and {@code fields} as they are read. */
record DescriptorBody(String name, List<Hex> words, Map<String, Hex> fields) {
    static DescriptorBody of(IssuedCommand command) {
        return new DescriptorBody(
                command.name(), Lists.map(command.words(), Hex::new), Fields.of(command.layout(), command.words()));
    }
}
