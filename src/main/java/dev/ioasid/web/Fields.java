package dev.ioasid.web;

import dev.ioasid.memory.BitLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The fields of a structure by name, in the order of its layout. */
final class Fields {
    private Fields() {}

    /** Those that lie in the words given. */
    static Map<String, Hex> of(BitLayout layout, List<Long> raw) {
        var words = raw.stream().mapToLong(Long::longValue).toArray();
        var fields = new LinkedHashMap<String, Hex>();
        for (var field : layout.fields()) {
            if (field.word() < words.length) {
                fields.put(field.name(), new Hex(field.get(words)));
            }
        }
        return fields;
    }
}
