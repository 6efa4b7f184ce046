package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

/** The fault records that a unit should have: as many as there is room for, and the rest is counted. */
final class ExpectedFaults {
    private final Client client;
    private final String path;
    private final int room;
    private final List<String> records = new ArrayList<>();
    private long dropped;
    private int count;
    private boolean overflow;

    ExpectedFaults(Client client, String machine, int room) {
        this.client = client;
        this.path = machine + "/iommus/iommu0/faults";
        this.room = room;
    }

    /** One more; whether there is room. */
    boolean add(String rid, long address, boolean write) {
        count++;
        if (records.size() == room) {
            dropped++;
            overflow = true;
            return false;
        }
        records.add("%s 0x%x %s".formatted(rid, address & -CopiedPage.SIZE, write ? "write" : "read"));
        return true;
    }

    /** All that there have been. */
    int count() {
        return count;
    }

    /** Compares them with the unit's, and clears both. */
    void check() {
        var faults = client.get(path + "?limit=1000").expect(200).json();
        var found = new ArrayList<String>();
        for (var fault : faults.get("items")) {
            found.add("%s 0x%x %s"
                    .formatted(
                            fault.get("rid").asString(),
                            Pager.number(fault, "address") & -CopiedPage.SIZE,
                            fault.get("access").asString()));
        }
        assertThat(found).isEqualTo(records);
        assertThat(faults.get("overflow").asBoolean()).isEqualTo(overflow);
        assertThat(faults.get("dropped").asLong()).isEqualTo(dropped);
        client.delete(path).expect(204);
        records.clear();
        overflow = false;
    }
}
