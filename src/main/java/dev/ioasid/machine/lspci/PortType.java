package dev.ioasid.machine.lspci;

/** What a function is in the hierarchy of PCI Express. PCI Express 6.0, section 7.5.3.2: Device/Port Type. */
enum PortType {
    // spotless:off  columns are the point
    ENDPOINT            ("Endpoint"),
    LEGACY_ENDPOINT     ("Legacy Endpoint"),
    ROOT_PORT           ("Root Port"),
    UPSTREAM_PORT       ("Upstream Port"),
    DOWNSTREAM_PORT     ("Downstream Port"),
    BRIDGE_TO_PCI       ("PCI-Express to PCI/PCI-X Bridge"),
    BRIDGE_FROM_PCI     ("PCI/PCI-X to PCI-Express Bridge"),
    INTEGRATED_ENDPOINT ("Root Complex Integrated Endpoint"),
    EVENT_COLLECTOR     ("Root Complex Event Collector"),
    UNKNOWN             ("Unknown type"),
    /** No Express capability: a conventional PCI or PCI-X function. */
    CONVENTIONAL        ("-");
    // spotless:on

    private final String text;

    PortType(String text) {
        this.text = text;
    }

    /** From {@code Express (v2) Root Port (Slot+), MSI 00}; the version is missing in old listings. */
    static PortType of(Entry entry) {
        var express = entry.capability("Express ");
        if (express == null) {
            return CONVENTIONAL;
        }
        var type = express.startsWith("(v")
                ? express.substring(express.indexOf(')') + 1).strip()
                : express;
        for (var candidate : values()) {
            if (type.startsWith(candidate.text)) {
                return candidate;
            }
        }
        return UNKNOWN;
    }

    /** As a bridge to conventional PCI, it puts its own RID on the requests that come from behind it. */
    boolean speaksForOthers() {
        return this == BRIDGE_TO_PCI || this == BRIDGE_FROM_PCI || this == CONVENTIONAL;
    }

    /** It never stands on the bus of a root complex. */
    boolean ofSwitch() {
        return this == UPSTREAM_PORT || this == DOWNSTREAM_PORT;
    }

    /** It stands on the bus of a root complex only. */
    boolean ofRootComplex() {
        return this == ROOT_PORT || this == INTEGRATED_ENDPOINT || this == EVENT_COLLECTOR;
    }
}
