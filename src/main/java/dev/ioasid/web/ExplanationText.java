package dev.ioasid.web;

import dev.ioasid.iommu.AtsCompletion;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Stage;
import dev.ioasid.iommu.Step;
import dev.ioasid.iommu.Translation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * An explanation as a drawing that fits a terminal of 80 columns.
 *
 * <pre>
 * 0000:3a:00.0 PASID 3 read 0x5678: 0x40042678, rw, page of 0x1000 bytes
 * |-- root-entry at 0x800003a0
 * |     context table at 0x80025000
 * |-- first-stage-entry of level 4 at 0x40100000
 *       by the second stage, levels 4 3 2: maps 0x200000 bytes at 0x40000000
 *       table of level 3 at 0x101000
 * </pre>
 *
 * <p>Of a nested walk only the first stage is drawn entry by entry; the walk of the second stage that led to an entry, or to the
 * page, is one line.
 */
final class ExplanationText {
    private static final int COLUMNS = 80;

    private record Item(String title, List<String> lines) {}

    private ExplanationText() {}

    static String of(DmaRequest request, Explanation explanation) {
        var text = new StringBuilder();
        wrap(text, "", "", heading(request, explanation.result()));
        var items = items(explanation.steps());
        for (var item : items) {
            wrap(text, "|-- ", "|     ", item.title());
            var trunk = item == items.getLast() ? "      " : "|     ";
            item.lines().forEach(line -> wrap(text, trunk, trunk + "  ", line));
        }
        return text.toString();
    }

    private static String heading(DmaRequest request, Translation result) {
        var asked = "%s%s %s%s 0x%x: "
                .formatted(
                        request.rid(),
                        request.hasPasid() ? " PASID " + request.pasid() : "",
                        request.privileged() ? "privileged " : "",
                        asked(request),
                        request.iova());
        return asked
                + switch (result) {
                    case Translation.Translated translated ->
                        "0x%x, %s, page of 0x%x bytes"
                                .formatted(translated.address(), translated.permissions(), translated.pageSize());
                    case Translation.Faulted(var fault) ->
                        "fault 0x%x %s: %s".formatted(fault.code(), fault.name(), fault.detail());
                    case Translation.Stalled stalled ->
                        "stalled by 0x%x %s: %s"
                                .formatted(
                                        stalled.fault().code(),
                                        stalled.fault().name(),
                                        stalled.fault().detail());
                    case Translation.Completed completed -> completion(completed);
                };
    }

    private static String asked(DmaRequest request) {
        var access = request.access().name().toLowerCase(Locale.ROOT);
        return switch (request.kind()) {
            case UNTRANSLATED -> access;
            case TRANSLATED -> "translated " + access;
            case TRANSLATION_REQUEST -> request.noWrite() ? "translation request, no write," : "translation request";
        };
    }

    private static String completion(Translation.Completed completed) {
        return switch (completed.status()) {
            case SUCCESS ->
                completed.permissions().any()
                        ? "0x%x, %s, page of 0x%x bytes"
                                .formatted(completed.address(), completed.permissions(), completed.pageSize())
                        : "success, " + AtsCompletion.describe(completed.word());
            case UNSUPPORTED_REQUEST -> "Unsupported Request";
            case COMPLETER_ABORT -> "Completer Abort";
        };
    }

    private static List<Item> items(List<Step> steps) {
        boolean nested = steps.stream().anyMatch(step -> step.stage() == Stage.FIRST);
        var items = new ArrayList<Item>();
        var folded = new ArrayList<Step>();
        for (var step : steps) {
            if (nested && step.stage() == Stage.SECOND) {
                folded.add(step);
                continue;
            }
            var lines = new ArrayList<String>();
            if (!folded.isEmpty()) {
                lines.add("by the second stage, " + fold(folded));
                folded.clear();
            }
            lines.add(step.decision());
            items.add(new Item(title(step), lines));
        }
        if (!folded.isEmpty()) { // the page itself, or where the way ended
            items.add(new Item("second-stage walk", List.of(fold(folded))));
        }
        return items;
    }

    private static String title(Step step) {
        var level = step.level() == null ? "" : " of level " + step.level();
        return step.structure() + level + (step.address() == null ? "" : " at 0x%x".formatted(step.address()));
    }

    private static String fold(List<Step> walk) {
        var levels = new ArrayList<String>();
        walk.forEach(step -> levels.add(String.valueOf(step.level())));
        return "levels %s: %s"
                .formatted(String.join(" ", levels), walk.getLast().decision());
    }

    /** Breaks a line between words; {@code next} is what continued lines begin with. */
    private static void wrap(StringBuilder text, String first, String next, String line) {
        var current = new StringBuilder(first);
        boolean empty = true;
        for (var word : line.split(" ")) {
            if (!empty && current.length() + 1 + word.length() > COLUMNS) {
                text.append(current).append('\n');
                current = new StringBuilder(next);
                empty = true;
            }
            current.append(empty ? "" : " ").append(word);
            empty = false;
        }
        text.append(current).append('\n');
    }
}
