package dev.ioasid.iommu.kernellog;

import java.util.regex.Pattern;

/**
 * A line of a text.
 *
 * @param number from 1
 * @param text with a blank for each run of white space and control characters, and without those at its ends; of an enormous line, the beginning
 */
record LogLine(int number, String text) {
    /** Nothing that a kernel prints in one line is as long. */
    private static final int LONGEST = 4096;

    private static final Pattern BLANKS = Pattern.compile("[\\s\\p{Cntrl}\\p{Cf}]+");

    static LogLine of(int number, String raw) {
        var beginning = raw.length() <= LONGEST ? raw : raw.substring(0, end(raw));
        return new LogLine(number, BLANKS.matcher(beginning).replaceAll(" ").strip());
    }

    /** Not in the middle of a surrogate pair. */
    private static int end(String raw) {
        return Character.isHighSurrogate(raw.charAt(LONGEST - 1)) ? LONGEST - 1 : LONGEST;
    }

    boolean isBlank() {
        return text.isEmpty();
    }
}
