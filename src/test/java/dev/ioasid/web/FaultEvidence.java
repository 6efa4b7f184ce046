package dev.ioasid.web;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.Yaml;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code faults/vtd.yaml} or {@code faults/smmuv3.yaml}: which request causes which fault.
 *
 * @param worlds by name
 */
record FaultEvidence(Unit unit, Map<String, World> worlds, List<Row> evidence, List<Never> never) {
    private static final JsonMapper JSON = new JsonMapper();

    /** @param identity registers by name, and what stands beside them in {@code capabilities} */
    record Unit(String type, String memory, Map<String, JsonNode> identity) {}

    /**
     * Tables in memory, and the registers that lead to them.
     *
     * @param registers in the order in which they are written, each an object of its own
     * @param words lines of {@code address: word   what it is}
     */
    record World(String about, List<Map<String, String>> registers, String words) {
        private static final Pattern WORD = Pattern.compile("([0-9A-Fa-f]+): ([0-9A-Fa-f]{16})");

        Map<Long, Long> memory() {
            var memory = new TreeMap<Long, Long>();
            WORD.matcher(words).results().forEach(word -> memory.put(hex(word.group(1)), hex(word.group(2))));
            return memory;
        }
    }

    /**
     * One request.
     *
     * @param fault the name of what is caused: the answer has it, too, unless that says otherwise
     * @param what the setup in words
     * @param edits what is different from the world's tables and registers, or from the unit's identity
     * @param device what the device has beside its RID; ATS and PASIDs if the request needs them, unless it says otherwise
     * @param before what has to be asked for first
     * @param call what takes the request: {@code translations} unless it says otherwise
     * @param record the number of the record, if it is not that of the answer
     * @param words of the record; none if nothing is recorded
     */
    record Row(
            String fault,
            String what,
            String world,
            @Nullable String edits,
            @Nullable Map<String, JsonNode> device,
            @Nullable List<Call> before,
            @Nullable String call,
            JsonNode request,
            Answer answer,
            @Nullable String record,
            @Nullable List<String> words) {
        List<Edit> parsedEdits() {
            return edits == null
                    ? List.of()
                    : Arrays.stream(edits.split(", ")).map(Edit::of).toList();
        }

        int code() {
            return Integer.decode(record == null ? answer.code() : record);
        }

        /** Whether the answer tells of what is recorded. */
        boolean isAnsweredAsRecorded() {
            return record == null && words != null;
        }

        @Override
        public String toString() {
            return fault + ", " + what;
        }
    }

    /** A POST to {@code path}, which begins below the machine. */
    record Call(String path, JsonNode body) {}

    /**
     * The fault in the answer. There is none if the outcome is {@code translated}: then the unit has only recorded something.
     *
     * @param name the row's, unless it says otherwise
     * @param status of the result, {@code fault} unless it says otherwise
     * @param recoverable false unless it says otherwise
     */
    record Answer(
            String code,
            @Nullable String name,
            @Nullable String stage,
            @Nullable Integer level,
            @Nullable String status,
            @Nullable Boolean recoverable) {
        String outcome() {
            return status == null ? "fault" : status;
        }
    }

    /** Numbers that no request leads to, parted by blanks. */
    record Never(String codes, String why) {
        List<Integer> numbers() {
            return Arrays.stream(codes.split(" ")).map(Integer::decode).toList();
        }
    }

    /** {@code 104D00 without 1}: a word, a register or a part of the identity, and what becomes of it. */
    record Edit(String target, String operator, long operand) {
        static Edit of(String text) {
            var parts = text.split(" ");
            return new Edit(parts[0], parts[1], hex(parts[2]));
        }

        long applyTo(long word) {
            return switch (operator) {
                case "=" -> operand;
                case "or" -> word | operand;
                case "without" -> word & ~operand;
                default -> throw new IllegalArgumentException(operator);
            };
        }
    }

    static FaultEvidence load(String name) {
        try (var file = FaultEvidence.class.getResourceAsStream("/faults/" + name)) {
            Object yaml = new Yaml().load(file);
            return JSON.convertValue(yaml, new TypeReference<>() {});
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    World world(Row row) {
        var world = worlds.get(row.world());
        if (world == null) {
            throw new IllegalArgumentException(row + ": there is no world " + row.world());
        }
        return world;
    }

    List<Row> rows(int code) {
        return evidence.stream().filter(row -> row.code() == code).toList();
    }

    /** Null if a request leads to it. */
    @Nullable
    String whyNever(int code) {
        return never.stream()
                .filter(group -> group.numbers().contains(code))
                .map(Never::why)
                .findFirst()
                .orElse(null);
    }

    /** Every number that is spoken of. */
    TreeSet<Integer> codes() {
        var codes = evidence.stream().map(Row::code).collect(Collectors.toCollection(TreeSet::new));
        never.forEach(group -> codes.addAll(group.numbers()));
        return codes;
    }

    static long hex(String text) {
        return Long.parseUnsignedLong(text.startsWith("0x") ? text.substring(2) : text, 16);
    }
}
