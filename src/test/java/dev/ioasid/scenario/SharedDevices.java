package dev.ioasid.scenario;

import dev.ioasid.Architecture;
import dev.ioasid.scenario.DmaRoute.Asked;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The worked topology with guests in it: RID1 serves a kernel and two VMs, RID2 the second VM, whose guests have processes of their own; beside
 * them a device that works in a host process, and one that asks for nothing. An SMMUv3 has one stage 2 for a stream: there RID1 is the first VM's.
 */
final class SharedDevices {
    static final String RID1 = "0000:3a:00.0";
    static final String RID2 = "0000:3b:00.0";
    static final String HOST = "0000:3c:00.0";
    static final String PLAIN = "0000:3d:00.0";

    private static final long KERNEL = 0x1000_0000;
    private static final long HOST_PROCESS = 0x7000_0000;

    private final Object lock;
    private final Client client;
    private final String machine;
    private final Architecture architecture;
    private final Map<String, DmaRoute> routes = new LinkedHashMap<>();
    private final List<Guest> guests = new ArrayList<>();
    private final Copies kernel = new Copies();
    private final Copies hostProcess = new Copies();

    private SharedDevices(Object lock, Client client, String name, Architecture architecture) {
        this.lock = lock;
        this.client = client;
        this.machine = "/" + name;
        this.architecture = architecture;
    }

    /** A machine with all of it, and with guests if there is chance for them. */
    static SharedDevices make(
            Object lock, Client client, String name, Architecture architecture, @Nullable Random random) {
        var made = new SharedDevices(lock, client, name, architecture);
        boolean vtd = architecture == Architecture.VTD;
        client.post(
                        "",
                        "{\"name\": \"%s\", \"memory\": \"0x10000000\", \"preset\": \"%s\"}"
                                .formatted(name, vtd ? "siov" : architecture.preset()))
                .expect(201);
        if (!vtd) {
            made.topologyOfOneStage2();
        }
        made.memory();
        made.host();
        if (random != null) {
            made.guests(random);
        }
        return made;
    }

    private void post(String path, String body) {
        client.post(machine + path, body).expect(201);
    }

    private void attach(String rid, int pasid, int ioasid) {
        var path = machine + "/devices/" + rid + (pasid == 0 ? "" : "/pasids/" + pasid) + "/attachment";
        client.put(path, "{\"ioasid\": %d}".formatted(ioasid)).expect(200);
    }

    private void topologyOfOneStage2() {
        for (var rid : List.of(RID1, RID2)) {
            post("/devices", "{\"rid\": \"%s\", \"iommu\": \"iommu0\", \"pasidBits\": 8}".formatted(rid));
        }
        for (var format : List.of("armv8-stage1", "armv8-stage2", "armv8-stage2")) {
            post("/ioasids", "{\"type\": \"paging\", \"format\": \"%s\"}".formatted(format));
        }
        attach(RID1, 0, 2);
        attach(RID2, 0, 3);
        bind(RID1, 3, 2, 0x10_0000);
        bind(RID1, 4, 2, 0x20_0000);
        bind(RID2, 5, 3, 0x10_0000);
        bind(RID2, 1, 3, 0x20_0000);
    }

    private void bind(String rid, int pasid, int parent, long root) {
        post("/binds", """
                {"rid": "%s", "pasid": %d, "parent": %d, "format": "armv8-stage1", "addressWidth": 48, "root": "0x%x"}""".formatted(rid, pasid, parent, root));
    }

    private void memory() {
        for (int vm : new int[] {2, 3}) {
            post("/ioasids/" + vm + "/mappings", """
                    {"iova": "0x0", "length": "0x%x", "permissions": "rw"}""".formatted(Guest.MEMORY));
        }
        // a hole, and pages that can only be read
        mapKernel(KERNEL, 40, true);
        mapKernel(KERNEL + 44 * CopiedPage.SIZE, 20, true);
        mapKernel(KERNEL + 64 * CopiedPage.SIZE, 4, false);
    }

    private void mapKernel(long iova, int pages, boolean writable) {
        post("/ioasids/1/mappings", """
                {"iova": "0x%x", "length": "0x%x", "permissions": "%s"}""".formatted(iova, pages * CopiedPage.SIZE, writable ? "rw" : "r"));
        kernel.add(iova, pages, writable);
    }

    private void host() {
        post("/devices", "{\"rid\": \"%s\", \"iommu\": \"iommu0\", \"pasidBits\": 8}".formatted(HOST));
        post("/devices", "{\"rid\": \"%s\", \"iommu\": \"iommu0\", \"ats\": false, \"pri\": false}".formatted(PLAIN));
        attach(PLAIN, 0, 1);
        post("/processes", "{\"format\": \"%s\", \"demandPaging\": true}".formatted(architecture.firstStage()));
        mapProcess(HOST_PROCESS, 40, true);
        mapProcess(HOST_PROCESS + 44 * CopiedPage.SIZE, 20, true);
        mapProcess(HOST_PROCESS + 64 * CopiedPage.SIZE, 4, false);
        post("/ioasids", "{\"type\": \"sva\", \"process\": 1}");
        attach(HOST, 1, 4);
        for (var rid : List.of(RID1, RID2, HOST)) {
            client.patch(machine + "/devices/" + rid, """
                            {"pageRequestTimeout": "1s", "pageRequestsPerGroup": %d}""".formatted(rid.equals(RID1) ? 4 : 1))
                    .expect(200);
        }
    }

    private void mapProcess(long address, int pages, boolean writable) {
        post("/processes/1/mappings", """
                {"address": "0x%x", "length": "0x%x", "permissions": "%s"}""".formatted(address, pages * CopiedPage.SIZE, writable ? "rw" : "r"));
        hostProcess.add(address, pages, writable);
    }

    private void guests(Random random) {
        boolean vtd = architecture == Architecture.VTD;
        var vm1 = new Guest(lock, client, machine, architecture, 2, new Random(random.nextLong()));
        var vm2 = new Guest(lock, client, machine, architecture, 3, new Random(random.nextLong()));
        guests.addAll(List.of(vm1, vm2));
        if (vtd) {
            lead(RID1, 0, kernel, Asked.CLIENT, null);
            lead(RID1, 2, vm2.memory(), Asked.CLIENT, null);
        }
        lead(RID1, vtd ? 1 : 0, vm1.memory(), Asked.CLIENT, null);
        lead(RID2, 0, vm2.memory(), Asked.CLIENT, null);
        lead(RID1, 3, vm1.process(1, 0x10_0000), Asked.CLIENT, vm1);
        lead(RID1, 4, vm1.process(2, 0x20_0000), Asked.CLIENT, vm1);
        lead(vtd ? RID1 : RID2, 5, vm2.process(3, 0x10_0000), Asked.CLIENT, vm2);
        lead(RID2, 1, vm2.process(4, 0x20_0000), Asked.CLIENT, vm2);
        lead(HOST, 1, hostProcess, Asked.SERVICE, null);
        lead(PLAIN, 0, kernel, Asked.NOBODY, null);
    }

    private void lead(String rid, int pasid, Copies copies, Asked who, @Nullable Guest guest) {
        var route = new DmaRoute(rid, pasid, copies, who, guest);
        routes.put(route.name(), route);
    }

    String machine() {
        return machine;
    }

    /** By name. */
    Map<String, DmaRoute> routes() {
        return routes;
    }

    List<Guest> guests() {
        return guests;
    }

    Copies kernel() {
        return kernel;
    }

    Copies hostProcess() {
        return hostProcess;
    }

    /** Takes everything down but the unit; what the machine is then. */
    String tearDown() {
        for (int bind = 1; bind <= 4; bind++) {
            client.delete(machine + "/binds/" + bind).expect(204);
        }
        client.delete(machine + "/processes/1").expect(204);
        for (var device : client.get(machine + "/devices").json().get("items")) {
            var path = machine + "/devices/" + device.get("rid").asString();
            for (var pasid : client.get(path + "/pasids").json().get("items")) {
                client.delete(path + "/pasids/" + pasid.get("pasid") + "/attachment")
                        .expect(204);
            }
            client.delete(path + "/attachment").expect(204);
            client.delete(path).expect(204);
        }
        for (int ioasid = 1; ioasid <= 4; ioasid++) {
            client.delete(machine + "/ioasids/" + ioasid).expect(204);
        }
        return client.get(machine).expect(200).json().get("committedBytes").asString();
    }
}
