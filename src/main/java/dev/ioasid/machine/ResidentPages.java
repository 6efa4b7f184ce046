package dev.ioasid.machine;

import dev.ioasid.memory.AddressRange;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Which pages of a process are in memory, and where: kept outside the simulated memory, so that whoever overwrites a page table there
 * does not decide which frames are given back. Addresses and lengths are whole pages. Guarded by the machine's lock.
 */
final class ResidentPages {
    /** Pages that lie one behind the other, in the process and in memory. */
    record Run(long address, long physicalAddress, long length) {
        long last() {
            return address + length - 1;
        }

        private boolean continues(Run before) {
            return before.address + before.length == address
                    && before.physicalAddress + before.length == physicalAddress;
        }

        private Run from(long first) {
            long skipped = first - address;
            return new Run(first, physicalAddress + skipped, length - skipped);
        }

        private Run upTo(long last) {
            return new Run(address, physicalAddress, last - address + 1);
        }

        private Run within(long first, long last) {
            var rest = first > address ? from(first) : this;
            return last < rest.last() ? rest.upTo(last) : rest;
        }
    }

    private final TreeMap<Long, Run> runs = new TreeMap<>(); // by address; those that continue each other are one
    private long bytes;

    long bytes() {
        return bytes;
    }

    List<Run> all() {
        return List.copyOf(runs.values());
    }

    /** Pages that were not there have appeared. */
    void add(Run run) {
        bytes += run.length();
        var whole = run;
        var before = runs.lowerEntry(run.address());
        if (before != null && run.continues(before.getValue())) {
            whole = new Run(
                    before.getKey(),
                    before.getValue().physicalAddress(),
                    before.getValue().length() + run.length());
        }
        var behind = runs.get(run.last() + 1);
        if (behind != null && behind.continues(whole)) {
            runs.remove(behind.address());
            whole = new Run(whole.address(), whole.physicalAddress(), whole.length() + behind.length());
        }
        runs.put(whole.address(), whole);
    }

    /** The pages of a range are gone; answers them, ascending. */
    List<Run> remove(long first, long last) {
        var gone = new ArrayList<Run>();
        for (var run : meeting(first, last)) {
            runs.remove(run.address());
            if (run.address() < first) {
                runs.put(run.address(), run.upTo(first - 1));
            }
            if (run.last() > last) {
                runs.put(last + 1, run.from(last + 1));
            }
            var part = run.within(first, last);
            bytes -= part.length();
            gone.add(part);
        }
        return gone;
    }

    /** What of a range is not in memory, ascending. */
    List<AddressRange> missing(long first, long last) {
        var missing = new ArrayList<AddressRange>();
        long at = first;
        for (var run : meeting(first, last)) {
            if (run.address() > at) {
                missing.add(new AddressRange(at, run.address() - 1));
            }
            at = run.last() + 1;
        }
        if (at <= last) {
            missing.add(new AddressRange(at, last));
        }
        return missing;
    }

    /** How much of a range is in memory. */
    long bytesWithin(long first, long last) {
        long found = 0;
        for (var run : meeting(first, last)) {
            found += run.within(first, last).length();
        }
        return found;
    }

    private List<Run> meeting(long first, long last) {
        var before = runs.floorEntry(first);
        long from = before != null && before.getValue().last() >= first ? before.getKey() : first;
        return List.copyOf(runs.subMap(from, true, last, true).values());
    }
}
