package dev.ioasid.scenario;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import tools.jackson.databind.JsonNode;

/**
 * Answers page requests, beside those who begin DMA: brings the pages, refuses what nobody may have, and now and then refuses for no reason,
 * is slow, answers later ones first, or does not answer at all.
 */
final class Pager implements Runnable {
    private static final int MOST_UNANSWERED = 8;

    /** Why DMA has to stop at an address. */
    enum Refusal {
        INVALID,
        FAILURE,
        EXPIRED
    }

    /** The requests of a group, the pages of which appear or do not appear together. */
    private record Group(List<JsonNode> requests, int due) {
        JsonNode first() {
            return requests.getFirst();
        }

        List<Long> addresses() {
            return requests.stream().map(request -> number(request, "address")).toList();
        }
    }

    private final Client client;
    private final String machine;
    private final Map<String, DmaRoute> routes;
    private final Random random;
    private final List<Group> waiting = new ArrayList<>();
    private final Map<Long, Deque<String>> refusals = new HashMap<>(); // by DMA; guarded by this
    private long seen;
    private int unanswered;
    private int answered;
    private int begun;
    private boolean hurried;
    private boolean done;

    /** @param routes by {@link DmaRoute#name} */
    Pager(Client client, String machine, Map<String, DmaRoute> routes, Random random) {
        this.client = client;
        this.machine = machine;
        this.routes = routes;
        this.random = random;
    }

    static long number(JsonNode node, String property) {
        return Long.parseUnsignedLong(node.get(property).asString().substring(2), 16);
    }

    /** DMA has been begun: what waited for that is answered. */
    synchronized void begun() {
        begun++;
    }

    /** Somebody waits for what waits for more DMA. */
    synchronized void setHurried(boolean hurried) {
        this.hurried = hurried;
    }

    /** Nothing is going to be asked any more. */
    synchronized void finish() {
        done = true;
    }

    /** Why DMA was stopped, in the order in which it was, and where: what has been told about is forgotten. Empty: it was not. */
    synchronized String takeRefusal(long dma) {
        var of = refusals.get(dma);
        var first = of == null ? null : of.pollFirst();
        return first == null ? "" : first;
    }

    private synchronized void refuse(long dma, Refusal why, long address) {
        refusals.computeIfAbsent(dma, unused -> new ArrayDeque<>()).add(why + " 0x" + Long.toHexString(address));
    }

    private synchronized boolean isDone() {
        return done;
    }

    private synchronized boolean isDue(Group group) {
        return hurried || begun >= group.due;
    }

    private synchronized int dueSoon() {
        return begun + (random.nextInt(6) == 0 ? 1 + random.nextInt(6) : 0);
    }

    /** Requests that were answered. */
    int answered() {
        return answered;
    }

    @Override
    public void run() {
        while (!isDone()) {
            listen();
            if (random.nextInt(4) == 0) {
                Collections.reverse(waiting);
            }
            for (var group : List.copyOf(waiting)) {
                if (isDue(group)) {
                    waiting.remove(group);
                    decide(group);
                }
            }
        }
    }

    /** Waits for requests, but not for long: others are to be answered. */
    private void listen() {
        var wait = waiting.isEmpty() ? "1s" : "5ms";
        var asked = client.get(
                        machine + "/page-requests?state=pending&limit=1000&after=%d&wait=%s".formatted(seen, wait))
                .expect(200)
                .json()
                .get("items");
        var groups = new LinkedHashMap<String, List<JsonNode>>();
        for (var request : asked) {
            seen = request.get("id").asLong();
            groups.computeIfAbsent(request.get("dma") + " " + request.get("group"), unused -> new ArrayList<>())
                    .add(request);
        }
        groups.values().forEach(group -> waiting.add(new Group(group, dueSoon())));
    }

    private void decide(Group group) {
        var first = group.first();
        var route = routes.get(
                DmaRoute.name(first.get("rid").asString(), first.path("pasid").asInt(0)));
        long address = group.addresses().getFirst();
        long dma = first.get("dma").asLong();
        boolean write = first.get("permissions").asString().equals("w");
        if (unanswered < MOST_UNANSWERED && random.nextInt(200) == 0) {
            unanswered++;
            refuse(dma, Refusal.EXPIRED, address);
        } else if (!route.copies().allows(address, write) || random.nextInt(30) == 0) {
            var why = random.nextInt(4) == 0 ? Refusal.FAILURE : Refusal.INVALID;
            refuse(dma, why, address);
            respond(group, why.name().toLowerCase(Locale.ROOT));
        } else {
            route.bring(group.addresses(), write);
            respond(group, "success");
        }
    }

    /** The answer may be too late: then it has expired, and is refused. */
    private void respond(Group group, String code) {
        var one = group.requests.get(random.nextInt(group.requests.size()));
        var path = machine + "/page-requests/" + one.get("id");
        var answer = client.post(path + "/response", "{\"code\": \"" + code + "\"}");
        answered++;
        if (answer.status() != 200) {
            var state = client.get(path).expect(200).json().get("state").asString();
            if (answer.status() != 400 || !state.equals("expired")) {
                throw new AssertionError(answer.text());
            }
        }
    }
}
