package dev.ioasid.web.topology;

/**
 * A font of the viewer's own choice, so that how much room a text takes can only be estimated. The estimate is that of
 * a wide face, DejaVu Sans, so that what fits here fits in the others.
 */
enum Font {
    TITLE(22, 700, false),
    HEADING(12, 600, false),
    NAME(15, 600, false),
    RID_NAME(14, 600, true),
    LABEL(14, 400, false),
    RID(12, 400, true),
    SMALL(12, 400, false),
    PILL(12, 600, false),
    CHIP(11, 400, false);

    static final String FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
    static final String MONO_FAMILY = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";
    private static final String ELLIPSIS = "…";
    /** Sums of the same widths in another order may differ in their last bits. */
    private static final double ROUNDING = 0.01;

    private final int size;
    private final int weight;
    private final boolean mono;

    Font(int size, int weight, boolean mono) {
        this.size = size;
        this.weight = weight;
        this.mono = mono;
    }

    int size() {
        return size;
    }

    int weight() {
        return weight;
    }

    boolean mono() {
        return mono;
    }

    double width(String text) {
        return Glyphs.of(text).stream().mapToDouble(this::glyphWidth).sum();
    }

    /** {@code text}, or as much of its beginning as leaves room for an ellipsis. */
    String shorten(String text, double room) {
        return shorten(text, "", room);
    }

    /** {@code text} and {@code tail}, of which the text is shortened if there is not room for both. */
    String shorten(String text, String tail, double room) {
        if (width(text + tail) <= room + ROUNDING) return text + tail;
        var kept = new StringBuilder();
        double left = room - width(ELLIPSIS + tail);
        for (var glyph : Glyphs.of(text)) {
            left -= glyphWidth(glyph);
            if (left < 0) break;
            kept.append(glyph);
        }
        return kept.toString().stripTrailing() + ELLIPSIS + tail;
    }

    private double glyphWidth(String glyph) {
        int first = glyph.codePointAt(0);
        return size * (mono && first < 0x80 ? 0.61 : em(first)) * (weight >= 600 ? 1.1 : 1);
    }

    private static double em(int codePoint) {
        if (Glyphs.wide(codePoint)) return 1.1;
        if (codePoint > 0x7e) return codePoint < 0x250 ? 0.68 : 0.95;
        return switch (codePoint) {
            case 'i', 'j', 'l', '.', ',', ':', ';', '\'', '|', ' ' -> 0.32;
            case 'f', 'r', 't', 'I', 'J', '!', '(', ')', '[', ']', '/', '\\', '-' -> 0.41;
            case 'm', 'M', 'W', 'w', '@', '%' -> 0.98;
            case '+', '<', '=', '>', '^', '~', '#' -> 0.84;
            default -> Character.isUpperCase(codePoint) ? 0.74 : 0.63;
        };
    }
}
