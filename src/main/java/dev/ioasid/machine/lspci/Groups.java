package dev.ioasid.machine.lspci;

import dev.ioasid.iommu.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;

/** The IOMMU groups of a machine: what Linux said, and else what it would say. */
final class Groups {
    private Groups() {}

    /**
     * The functions with their groups. One that the listing names is believed. The derived ones have the lowest numbers that
     * the listing does not use, in the order of the functions.
     *
     * @param functions in the order of their RIDs
     */
    static List<ListedFunction> of(List<PciFunction> functions) {
        var used = new HashSet<Integer>();
        for (var function : functions) {
            if (function.listedGroup() != null) {
                used.add(function.listedGroup());
            }
        }
        var derived = derive(functions);
        var numbers = new HashMap<Rid, Integer>(); // of the derived groups, by representative
        var grouped = new ArrayList<ListedFunction>();
        int free = 0;
        for (var function : functions) {
            var group = function.listedGroup();
            if (group == null) {
                group = numbers.get(derived.representative(function.rid()));
            }
            if (group == null) {
                while (used.contains(free)) {
                    free++;
                }
                group = free++;
                numbers.put(derived.representative(function.rid()), group);
            }
            grouped.add(function.listed(group));
        }
        return grouped;
    }

    /**
     * Joins what can reach each other behind the IOMMU's back. A function goes with the bridge above it unless all that
     * comes up through that bridge is driven on to the root complex; the bridge does the same in its turn. Functions of
     * one device go together if they are not isolated, past those that are.
     */
    private static Partition<Rid> derive(List<PciFunction> functions) {
        var tree = new BusTree(functions);
        var isolation = new Isolation(functions, tree);
        var open = new HashMap<Rid, Rid>(); // the first function that is not isolated, by device
        var partition = new Partition<Rid>();
        for (var function : functions) {
            var rid = function.rid();
            if (!isolation.of(function)) {
                var device = new Rid(rid.segment(), rid.bus(), rid.device(), 0);
                partition.join(rid, open.computeIfAbsent(device, _ -> rid));
            }
            var bridge = tree.above(function);
            if (bridge != null && !isolation.upwards(bridge)) {
                partition.join(rid, bridge.rid());
            }
            if (tree.cutOff(function)) {
                partition.join(rid, new Rid(rid.segment(), rid.bus(), 0, 0)); // all of this bus, listed there or not
            }
        }
        return partition;
    }
}
