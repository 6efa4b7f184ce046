package dev.ioasid.iommu.kernellog;

import dev.ioasid.iommu.IommuType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What usually causes a fault, and where to look next. {@code vtd.txt} and {@code smmuv3.txt} beside this class have it: a line with the number
 * of the fault, or with several, then causes behind {@code -} and next steps behind {@code >}.
 */
public record Advice(List<String> likelyCauses, List<String> lookNext) {
    private static final Map<IommuType, Map<Integer, Advice>> KNOWN =
            Map.of(IommuType.VTD, load("vtd.txt"), IommuType.SMMUV3, load("smmuv3.txt"));

    private static final Advice NONE = new Advice(
            List.of(),
            List.of(
                    "look the number up in the manual of this very hardware: it is newer than what is known here, or its own"));

    public Advice {
        likelyCauses = List.copyOf(likelyCauses);
        lookNext = List.copyOf(lookNext);
    }

    /** On a number that is not defined there is but little. */
    public static Advice on(IommuType architecture, int code) {
        return KNOWN.getOrDefault(architecture, Map.of()).getOrDefault(code, NONE);
    }

    private static Map<Integer, Advice> load(String name) {
        try (InputStream file = Advice.class.getResourceAsStream(name)) {
            if (file == null) {
                throw new IllegalStateException(name + " is missing");
            }
            return read(new String(file.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<Integer, Advice> read(String text) {
        var all = new HashMap<Integer, Advice>();
        for (var entry : text.split("\n(?=0x)")) {
            var lines = entry.lines().toList();
            if (lines.getFirst().startsWith("0x")) {
                var advice = new Advice(behind("- ", lines), behind("> ", lines));
                for (var code : lines.getFirst().split(" ")) {
                    all.put(Integer.decode(code), advice);
                }
            }
        }
        return Map.copyOf(all);
    }

    private static List<String> behind(String mark, List<String> lines) {
        return lines.stream()
                .filter(line -> line.startsWith(mark))
                .map(line -> line.substring(mark.length()))
                .toList();
    }
}
