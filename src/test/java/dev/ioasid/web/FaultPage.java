package dev.ioasid.web;

import dev.ioasid.iommu.FaultReason;
import dev.ioasid.iommu.IommuType;
import dev.ioasid.iommu.kernellog.Advice;
import dev.ioasid.iommu.smmuv3.SmmuEvent;
import dev.ioasid.iommu.vtd.VtdReasons;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/** Makes {@code docs/faults.md} of the tables of {@link FaultEvidence}, of what is known of each number, and of the advice on it. */
final class FaultPage {
    private final StringBuilder page = new StringBuilder();

    private FaultPage() {}

    /** The events of an SMMUv3, by number. */
    static List<FaultReason> events() {
        return Stream.of(SmmuEvent.values())
                .map(event -> new FaultReason(event.code(), event.name(), event.detail(), null))
                .toList();
    }

    static String of(FaultEvidence vtd, FaultEvidence smmuv3) {
        var page = new FaultPage();
        page.line("<!-- Made by EveryFaultScenarioTest; to make it anew: ./mvnw verify -Dioasid.faults.write=true -->");
        page.line("");
        page.line("# Every fault, and a request that causes it");
        page.line("");
        page.line(
                "What the numbers in fault records mean, what usually causes them, and where to look next: the same that");
        page.line(
                "`POST /v1/faults/decode` [answers](api/faults-decode.md). Under \"here\" is a request that causes the fault in this service,");
        page.line(
                "with the tables that it needs; a test does each of them over HTTP, and compares the fault and the words of its record.");
        page.architecture("VT-d", IommuType.VTD, vtd, VtdReasons.all());
        page.architecture("SMMUv3", IommuType.SMMUV3, smmuv3, events());
        return page.page.toString();
    }

    private void line(String text) {
        page.append(text).append('\n');
    }

    private void architecture(String title, IommuType type, FaultEvidence evidence, List<FaultReason> reasons) {
        line("");
        line("## " + title);
        line("");
        line("| code | name | meaning | here |");
        line("| --- | --- | --- | --- |");
        for (var reason : reasons) {
            line("| [0x%02x](#%s) | %s | %s | %s |"
                    .formatted(
                            reason.code(),
                            anchor(title, reason),
                            reason.name(),
                            reason.detail(),
                            evidence.whyNever(reason.code()) == null ? "yes" : "no"));
        }
        tables(title, evidence);
        for (var reason : reasons) {
            reason(title, type, evidence, reason);
        }
    }

    private void tables(String title, FaultEvidence evidence) {
        line("");
        line("### The tables that the requests of " + title + " need");
        line("");
        var identity = new StringJoiner(", ");
        evidence.unit().identity().forEach((name, value) -> identity.add(name + " " + value.asString()));
        line("An unmanaged unit (%s) in a machine with %s bytes of memory; words by address, everything else is zero."
                .formatted(identity, evidence.unit().memory()));
        evidence.worlds().forEach((name, world) -> {
            line("");
            line("**" + name + "**: " + world.about() + ". Registers, in this order: "
                    + world.registers().stream()
                            .flatMap(each -> each.entrySet().stream())
                            .map(each -> "`" + each.getKey() + " = " + each.getValue() + "`")
                            .collect(Collectors.joining(", "))
                    + ".");
            line("");
            line("```text");
            page.append(world.words());
            line("```");
        });
    }

    private void reason(String title, IommuType type, FaultEvidence evidence, FaultReason reason) {
        line("");
        line("### <a id=\"%s\"></a>0x%02x %s".formatted(anchor(title, reason), reason.code(), reason.name()));
        line("");
        line(sentence(reason.detail()));
        var advice = Advice.on(type, reason.code());
        list("Likely causes:", advice.likelyCauses());
        list("Where to look next:", advice.lookNext());
        var never = evidence.whyNever(reason.code());
        if (never != null) {
            line("");
            line("Here: never. " + sentence(never));
        }
        evidence.rows(reason.code()).forEach(this::row);
    }

    private void list(String heading, List<String> items) {
        line("");
        line(heading);
        line("");
        items.forEach(item -> line("- " + item));
    }

    private void row(FaultEvidence.Row row) {
        line("");
        line("Here, %s, with the tables of *%s*%s: %s"
                .formatted(
                        row.fault(),
                        row.world(),
                        row.edits() == null ? "" : ", changed by `" + row.edits() + "`",
                        row.what() + "."));
        for (var call : row.before() == null ? List.<FaultEvidence.Call>of() : row.before()) {
            call("First, ", call.path(), call.body());
        }
        if (row.call() == null) {
            json(row.request());
        } else {
            call("", row.call(), row.request());
        }
        line("");
        line(outcome(row));
    }

    private void call(String when, String path, JsonNode body) {
        line("");
        line(when + "`POST …/" + path + "`:");
        json(body);
    }

    private void json(JsonNode body) {
        line("");
        line("```json");
        line(body.toString());
        line("```");
    }

    private static String outcome(FaultEvidence.Row row) {
        var answer = row.answer();
        var place = (answer.stage() == null ? "" : ", stage " + answer.stage())
                + (answer.level() == null ? "" : ", level " + answer.level());
        var name = answer.name() == null ? "" : ", " + answer.name();
        var what = row.record() == null ? " and recorded as " : "; " + row.fault() + " is recorded as ";
        var record = row.words() == null
                ? " and not recorded."
                : what + row.words().stream().map(word -> "`" + word + "`").collect(Collectors.joining(" ")) + ".";
        return "It is answered `" + answer.outcome() + "`" + name + place + record;
    }

    private static String sentence(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1) + ".";
    }

    private static String anchor(String title, FaultReason reason) {
        return "%s-%02x".formatted(title.toLowerCase(Locale.ROOT), reason.code());
    }
}
