package dev.ioasid.iommu.smmuv3;

import java.util.ArrayList;

public class SmmuHardwareAgainstOracle {
    public static void main(String[] arguments) {
        int from = Integer.parseInt(arguments[0]), to = Integer.parseInt(arguments[1]);
        var wrong = new ArrayList<String>();
        int[] asked = new int[1];
        try (var comparison = new Comparison((configuration, memory) -> HardwareSubject.of(memory, HardwareSubject.registers(configuration), SmmuCacheGeometries.DEFAULT), expected -> asked[0]++)) {
            for (long seed = from; seed < to && wrong.size() < 40; seed++) wrong.addAll(comparison.of(seed));
        }
        wrong.stream().limit(15).forEach(System.out::println);
        System.out.println("asked " + asked[0] + " wrong " + wrong.size());
    }
}
