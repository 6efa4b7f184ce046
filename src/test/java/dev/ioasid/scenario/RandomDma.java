package dev.ioasid.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.scenario.DmaRoute.Asked;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * DMA of random devices at random addresses, and what becomes of it. Several wait at a time, at pages of which no other does anything that would be
 * noticed, so that it does not matter which is answered first.
 */
final class RandomDma {
    private static final int MOST_PENDING = 12;
    private static final int MOST_PAGES = 90;
    private static final int TRIES = 20;

    /** Orders that one call has begun. @param held those that keep others away */
    private record Begun(List<Order> orders, List<Order> held, long id) {}

    private final Object lock;
    private final Client client;
    private final SharedDevices devices;
    private final Pager pager;
    private final ExpectedFaults faults;
    private final Random random;
    private final List<DmaRoute> routes;
    private final Deque<Begun> pending = new ArrayDeque<>();
    private volatile @Nullable Throwable interrupted;
    private int pages;
    private int step;
    private int completed;
    private int stopped;
    private int waited;

    /** @param records faults for which the unit has room */
    RandomDma(Object lock, Client client, SharedDevices devices, Pager pager, int records, Random random) {
        this.lock = lock;
        this.client = client;
        this.devices = devices;
        this.pager = pager;
        this.faults = new ExpectedFaults(client, devices.machine(), records);
        this.random = random;
        this.routes = List.copyOf(devices.routes().values());
    }

    int step() {
        return step;
    }

    /** Nobody answers any more. */
    void interrupt(@Nullable Throwable why) {
        interrupted = why;
    }

    /** Begins so many, and sees them end. */
    void go(int dmas) {
        while (step < dmas) {
            switch (random.nextInt(24)) {
                case 0, 1 -> batch();
                case 2 -> processor();
                default -> one();
            }
            if (random.nextInt(3) == 0 && !pending.isEmpty()) {
                look(pending.poll());
            }
            if (random.nextInt(100) == 0) {
                faults.check();
            }
        }
        while (!pending.isEmpty()) {
            await(pending.poll());
        }
        faults.check();
    }

    // ---- what is begun

    private int length() {
        return 1 + random.nextInt(1 << random.nextInt(17));
    }

    private Order order(DmaRoute route) {
        int length = length();
        byte[] data = null;
        if (random.nextBoolean()) {
            data = new byte[length];
            random.nextBytes(data);
        }
        return new Order(route, route.copies().pick(random), length, data);
    }

    private boolean take(Order order) {
        synchronized (lock) {
            return order.route().copies().take(order.address(), order.length(), order.isWrite());
        }
    }

    private void release(Order order) {
        synchronized (lock) {
            order.route().copies().release(order.address(), order.length(), order.isWrite());
        }
    }

    /** An order to which nobody is in the way, once some have come to their end if need be. */
    private Order taken(DmaRoute route) {
        for (int tries = 0; ; tries++) {
            var order = order(route);
            while (!pending.isEmpty()
                    && (pending.size() >= MOST_PENDING || pages + order.pages() > MOST_PAGES || tries > TRIES)) {
                await(pending.poll());
            }
            if (take(order)) {
                pages += order.pages();
                return order;
            }
        }
    }

    private DmaRoute route() {
        return routes.get(random.nextInt(routes.size()));
    }

    private void one() {
        var order = taken(route());
        var path = devices.machine() + "/dma?wait=" + waitTime();
        var answer = order.data() != null && random.nextBoolean()
                ? client.send(
                        "POST",
                        "/v1/machines" + path
                                + "&%s&iova=0x%x".formatted(order.route().query(), order.address()),
                        order.data(),
                        "Content-Type",
                        "application/octet-stream")
                : client.post(
                        path,
                        "{\"rid\": \"" + order.route().rid() + "\", "
                                + order.json().substring(1));
        begun(List.of(order), List.of(order), answer);
    }

    /** A write, a read of the same bytes, and a third of any of the device's. */
    private void batch() {
        var first = taken(route());
        var siblings = routes.stream()
                .filter(route -> route.rid().equals(first.route().rid()))
                .toList();
        var orders = new ArrayList<>(List.of(first));
        var held = new ArrayList<>(List.of(first));
        var beyond = beyond(first);
        if (beyond == null || take(beyond)) {
            orders.add(new Order(first.route(), first.address(), first.length(), null));
            if (beyond != null) {
                pages += beyond.pages();
                held.add(beyond);
            }
        }
        var third = order(siblings.get(random.nextInt(siblings.size())));
        if (pages + third.pages() <= MOST_PAGES && take(third)) {
            pages += third.pages();
            orders.add(third);
            held.add(third);
        }
        var body = new StringBuilder("{\"rid\": \"" + first.route().rid() + "\", \"requests\": [");
        body.append(String.join(", ", orders.stream().map(Order::json).toList()))
                .append("]}");
        begun(orders, held, client.post(devices.machine() + "/dma/batch?wait=" + waitTime(), body.toString()));
    }

    /** What can be read of an order's bytes and not be written, so that who writes is not at all of it; null: nothing. */
    private static @Nullable Order beyond(Order order) {
        int written = order.route().copies().reach(order.address(), order.length(), true);
        return order.isWrite() && written < order.length()
                ? new Order(order.route(), order.address() + written, order.length() - written, null)
                : null;
    }

    /** Mostly nobody waits at once. */
    private String waitTime() {
        boolean waits = random.nextInt(20) == 0;
        pager.setHurried(waits);
        return waits ? "30s" : "0s";
    }

    private void begun(List<Order> orders, List<Order> held, Client.Answer answer) {
        pager.setHurried(false);
        pager.begun();
        step += orders.size();
        var dma = answer.json();
        if (answer.status() == 202) {
            pending.add(new Begun(orders, held, dma.get("id").asLong()));
            waited++;
        } else {
            answer.expect(200);
            over(new Begun(orders, held, dma.path("id").asLong(0)), dma);
        }
    }

    // ---- what becomes of it

    private void look(Begun begun) {
        var dma = client.get(devices.machine() + "/dma/" + begun.id).expect(200).json();
        if (dma.get("status").asString().equals("pending")) {
            pending.add(begun);
        } else {
            over(begun, dma);
        }
    }

    private void await(Begun begun) {
        pager.setHurried(true);
        var dma = client.get(devices.machine() + "/dma/" + begun.id + "?wait=30s")
                .expect(200)
                .json();
        pager.setHurried(false);
        assertThat(interrupted).isNull();
        assertThat(dma.get("status").asString()).as("DMA %d", begun.id).isNotEqualTo("pending");
        over(begun, dma);
    }

    private void over(Begun begun, JsonNode dma) {
        for (int i = 0; i < begun.orders.size(); i++) {
            check(
                    begun.orders.get(i),
                    begun.id,
                    dma.has("results") ? dma.get("results").get(i) : dma);
        }
        assertThat(pager.takeRefusal(begun.id))
                .as("what was refused to DMA %d", begun.id)
                .isEmpty();
        begun.held.forEach(order -> {
            release(order);
            pages -= order.pages();
        });
    }

    private void check(Order order, long id, JsonNode result) {
        var what = "%s at 0x%x, %d bytes, DMA %d: %s"
                .formatted(
                        order.route().name(),
                        order.address(),
                        order.length(),
                        id,
                        result.toString()
                                .substring(0, Math.min(400, result.toString().length())));
        int transferred = result.get("transferred").asInt();
        synchronized (lock) {
            int reach = order.route().copies().reach(order.address(), order.length(), order.isWrite());
            if (result.get("status").asString().equals("completed")) {
                assertThat(transferred).as(what).isEqualTo(order.length()).isEqualTo(reach);
                completed++;
            } else {
                assertThat(result.get("status").asString()).as(what).isEqualTo("faulted");
                assertThat(transferred).as(what).isLessThan(order.length()).isLessThanOrEqualTo(reach);
                stopped(order, id, transferred, reach, result.get("fault"), what);
                stopped++;
            }
            if (order.data() == null) {
                checkData(
                        order,
                        result.get("data").binaryValue(),
                        order.route().copies().read(order.address(), transferred),
                        what);
            } else {
                order.route().copies().write(order.address(), order.data(), transferred);
            }
        }
    }

    private static void checkData(Order order, byte[] found, byte[] expected, String what) {
        int first = Arrays.mismatch(found, expected);
        if (first >= 0) {
            int last = Math.min(found.length, expected.length);
            while (last > first + 1 && found[last - 1] == expected[last - 1]) {
                last--;
            }
            var format = HexFormat.of();
            throw new AssertionError("%s%nfrom 0x%x to 0x%x it differs: %s…, expected %s…"
                    .formatted(
                            what,
                            order.address() + first,
                            order.address() + last,
                            format.formatHex(found, first, Math.min(last, first + 16)),
                            format.formatHex(expected, first, Math.min(last, first + 16))));
        }
    }

    private void stopped(Order order, long id, int transferred, int reach, JsonNode fault, String what) {
        long at = order.address() + transferred;
        assertThat(Pager.number(fault, "address")).as(what).isEqualTo(at);
        boolean asked = order.route().who() == Asked.CLIENT;
        assertThat(fault.get("recorded").asBoolean())
                .as(what)
                .isEqualTo(order.route().who() == Asked.NOBODY
                        && faults.add(order.route().rid(), at, order.isWrite()));
        if (!asked) {
            assertThat(transferred).as(what).isEqualTo(reach);
            return;
        }
        var told = pager.takeRefusal(id);
        var detail = fault.get("detail").asString();
        if (detail.endsWith("nobody answered in time")) {
            assertThat(isExpired(id, at & -CopiedPage.SIZE)).as(what).isTrue();
        } else {
            var refusal = detail.endsWith("answered: invalid") ? Pager.Refusal.INVALID : Pager.Refusal.FAILURE;
            assertThat(detail).as(what).endsWith("answered: " + refusal.name().toLowerCase(Locale.ROOT));
            assertThat(told).as(what).isEqualTo(refusal + " 0x" + Long.toHexString(at & -CopiedPage.SIZE));
        }
    }

    private boolean isExpired(long id, long page) {
        for (var request : client.get(devices.machine() + "/page-requests?state=expired&limit=1000")
                .json()
                .get("items")) {
            if (request.get("dma").asLong() == id && Pager.number(request, "address") == page) {
                return true;
            }
        }
        return false;
    }

    // ---- processors

    /** A CPU of the host writes in its process, and reads. */
    private void processor() {
        var process = devices.hostProcess();
        int length = length();
        long address = process.pick(random);
        var data = new byte[length];
        random.nextBytes(data);
        if (process.reach(address, length, true) < length) {
            return;
        }
        var path = devices.machine() + "/processes/1/memory/0x" + Long.toHexString(address);
        client.putBytes(path, data).expect(204);
        process.write(address, data, length);
    }

    /** Has all of it happened that can? */
    void checkVariety() {
        assertThat(completed).as("completed").isGreaterThan(step / 2);
        assertThat(stopped).as("stopped").isGreaterThan(step / 50);
        assertThat(waited).as("waited").isGreaterThan(step / 20);
        assertThat(devices.guests()).allMatch(guest -> guest.taken() > step / 200, "had pages taken away");
        assertThat(pager.answered()).as("answers").isGreaterThan(waited);
        assertThat(faults.count())
                .as("recorded faults, and those for which there was no room")
                .isGreaterThan(step / 100);
    }

    /** Compares all memory with its copies; nobody waits any more. */
    void checkMemory() {
        devices.guests().forEach(Guest::check);
        check("/ioasids/1/memory/0x", devices.kernel());
        check("/processes/1/memory/0x", devices.hostProcess());
        assertThat(client.get(devices.machine() + "/page-requests?state=pending")
                        .json()
                        .get("items"))
                .isEmpty();
    }

    private void check(String path, Copies copies) {
        for (long address : copies.addresses()) {
            var found = client.send(
                    "GET",
                    "/v1/machines" + devices.machine() + path + Long.toHexString(address) + "?length=4096",
                    new byte[0]);
            assertThat(found.expect(200).body())
                    .as("%s%x", path, address)
                    .isEqualTo(copies.read(address, CopiedPage.SIZE));
        }
    }
}
