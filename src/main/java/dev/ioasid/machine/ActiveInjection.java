package dev.ioasid.machine;

import dev.ioasid.iommu.PageRequest;
import dev.ioasid.machine.PageRequests.Waiting;
import dev.ioasid.memory.PoisonedRange;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An injection, and how often it is met. Driven by {@link Injections} only. */
final class ActiveInjection {
    /** An answer that its device has not heard yet. */
    record Held(List<Waiting> group, PageRequest.Response response) {}

    private final int id;
    private final Injection injection;
    private final @Nullable PoisonedRange poison;
    private final List<Held> held = new ArrayList<>();
    private @Nullable Integer remaining;
    private long met;

    /** @param remaining null: until it is removed */
    ActiveInjection(int id, Injection injection, @Nullable Integer remaining) {
        this.id = id;
        this.injection = injection;
        this.remaining = remaining;
        this.poison = injection instanceof Injection.PoisonedMemory(var range) ? new PoisonedRange(range) : null;
    }

    int id() {
        return id;
    }

    Injection injection() {
        return injection;
    }

    /** What the machine's memory has of it; null unless it is of that kind. */
    @Nullable
    PoisonedRange poison() {
        return poison;
    }

    List<Held> held() {
        return held;
    }

    /** Whether it goes on. */
    boolean isDue() {
        return remaining == null || remaining > 0;
    }

    /** Whether there is nothing left of it. */
    boolean isOver() {
        return !isDue() && held.isEmpty();
    }

    /** One occasion has been taken. */
    void count() {
        met++;
        if (remaining != null) {
            remaining--;
        }
    }

    InjectionSummary summary() {
        return new InjectionSummary(id, injection, remaining, met, held.size());
    }
}
