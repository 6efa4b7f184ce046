package dev.ioasid.packaged;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.JsonNodeFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The commands that the README shows under {@value #HEADING}, up to the next heading of that level, run in order against
 * a service, with what they print compared with what the README says they print. What the README must keep to:
 *
 * <ul>
 *   <li>A block fenced as {@code sh} is run, each by a bash of its own under {@code -euo pipefail} in the project's
 *       folder: no variable outlives its block, and a command that fails fails the tour. Use {@code curl -fsS}; bound what
 *       would wait for ever.
 *   <li>If the very next fenced block is {@code json}, the whole standard output must be that one value: the order of
 *       properties is free, all else is not. If it is {@code text}, the output must be that text, blanks at the ends of
 *       lines and of the whole aside. Otherwise only the exit status counts. So the tour shows nothing that changes from
 *       run to run, or cuts it away with {@code jq}.
 *   <li>{@value #SHOWN}, in a command as in an answer, stands for wherever the service under test listens.
 *   <li>Blocks of any other language, such as {@code console} or {@code bash}, are for the reader only.
 * </ul>
 */
final class ReadmeTour {
    static final String HEADING = "## A tour in five minutes";
    static final String SHOWN = "localhost:8080";
    private static final Duration LONGEST = Duration.ofSeconds(60);
    private static final Pattern FENCE = Pattern.compile("```\\s*([A-Za-z]*).*");
    private static final Pattern BLANK_ENDS = Pattern.compile("[ \\t\\r]+$", Pattern.MULTILINE);
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(JsonNodeFeature.WRITE_PROPERTIES_SORTED)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    /** A fenced block, and the line that opens it. */
    private record Block(int line, String language, String text) {}

    private record Ran(int status, String output, String errors) {}

    private final List<Block> blocks;

    private ReadmeTour(List<Block> blocks) {
        this.blocks = blocks;
    }

    static ReadmeTour of(Path readme) throws IOException {
        return of(Files.readString(readme));
    }

    static ReadmeTour of(String markdown) {
        return of(markdown, HEADING);
    }

    /** The commands under another heading of the second level. */
    static ReadmeTour of(String markdown, String heading) {
        var blocks = new ArrayList<Block>();
        var lines = markdown.lines().toList();
        int start = lines.indexOf(heading);
        if (start < 0) {
            throw new IllegalArgumentException("there is no heading '" + heading + "'");
        }
        for (int i = start + 1; i < lines.size() && !lines.get(i).startsWith("## "); i++) {
            var fence = FENCE.matcher(lines.get(i));
            if (fence.matches()) {
                int end = i + 1 + lines.subList(i + 1, lines.size()).indexOf("```");
                if (end == i) {
                    throw new IllegalArgumentException("the block that line " + (i + 1) + " opens is never closed");
                }
                blocks.add(new Block(i + 1, fence.group(1), String.join("\n", lines.subList(i + 1, end))));
                i = end;
            }
        }
        if (blocks.stream().noneMatch(block -> block.language().equals("sh"))) {
            throw new IllegalArgumentException("there is no ```sh block under '" + heading + "'");
        }
        return new ReadmeTour(blocks);
    }

    /** Runs every block against the service at {@code address}, a host and port; stops at the first that fails. */
    void run(String address) throws IOException, InterruptedException {
        for (int i = 0; i < blocks.size(); i++) {
            var block = blocks.get(i);
            if (block.language().equals("sh")) {
                var ran = bash(block.text().replace(SHOWN, address));
                var next = i + 1 < blocks.size() ? blocks.get(i + 1) : new Block(0, "", "");
                check(block, ran, next.language(), next.text().replace(SHOWN, address));
            }
        }
    }

    private void check(Block block, Ran ran, String language, String expected) {
        var what = "block %d of the tour, line %d:%n%s%nwhich printed%n%s%s"
                .formatted(blocks.indexOf(block) + 1, block.line(), block.text(), ran.output(), ran.errors());
        assertThat(ran.status()).as("exit status of " + what).isZero();
        switch (language) {
            case "json" ->
                assertThat(json(ran.output(), what)).as(what).isEqualTo(json(expected, "the answer to " + what));
            case "text" -> assertThat(text(ran.output())).as(what).isEqualTo(text(expected));
            default -> {} // nothing is promised
        }
    }

    /** The value that {@code source} is, in the one form in which equal values are equal strings. */
    private static String json(String source, String what) {
        try {
            return JSON.writeValueAsString(JSON.readTree(source));
        } catch (JacksonException e) {
            return fail("not one JSON value: " + what, e);
        }
    }

    private static String text(String source) {
        return BLANK_ENDS.matcher(source).replaceAll("").stripTrailing();
    }

    private static Ran bash(String script) throws IOException, InterruptedException {
        var output = Files.createTempFile("tour", ".out");
        var errors = Files.createTempFile("tour", ".err");
        try {
            var process = new ProcessBuilder("bash", "-euo", "pipefail", "-c", script)
                    .redirectInput(new File("/dev/null"))
                    .redirectOutput(output.toFile())
                    .redirectError(errors.toFile())
                    .start();
            var late = "";
            if (!process.waitFor(LONGEST)) {
                late = "killed after " + LONGEST.toSeconds() + " s";
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
            return new Ran(process.waitFor(), Files.readString(output, UTF_8), Files.readString(errors, UTF_8) + late);
        } finally {
            Files.delete(output);
            Files.delete(errors);
        }
    }
}
