package dev.ioasid.web;

import java.util.LinkedHashMap;
import java.util.Map;

/** Registers by name, on the wire. */
final class Hexes {
    static Map<String, Hex> of(Map<String, Long> values) {
        var hexes = new LinkedHashMap<String, Hex>();
        values.forEach((name, value) -> hexes.put(name, new Hex(value)));
        return hexes;
    }

    private Hexes() {}
}
