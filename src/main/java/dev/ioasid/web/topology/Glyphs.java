package dev.ioasid.web.topology;

import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Text as a reader sees it: one glyph may be several code points, and take no column, one, or two. */
final class Glyphs {
    private static final Pattern GLYPH = Pattern.compile("\\X");

    private Glyphs() {}

    static List<String> of(String text) {
        return GLYPH.matcher(text).results().map(MatchResult::group).toList();
    }

    /** Columns that {@code text} takes on a terminal. */
    static int columns(String text) {
        return of(text).stream()
                .mapToInt(glyph -> columns(glyph.codePointAt(0)))
                .sum();
    }

    private static int columns(int first) {
        return switch (Character.getType(first)) {
            case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT -> 0;
            default -> wide(first) ? 2 : 1;
        };
    }

    /** As wide as it is high: East Asian script, full-width forms, emoji. */
    static boolean wide(int codePoint) {
        return switch (Character.UnicodeScript.of(codePoint)) {
            case HAN, HANGUL, HIRAGANA, KATAKANA, BOPOMOFO, YI -> codePoint < 0xff61 || codePoint > 0xffdc;
            default -> Character.isEmojiPresentation(codePoint) || (codePoint >= 0xff01 && codePoint <= 0xff60);
        };
    }
}
