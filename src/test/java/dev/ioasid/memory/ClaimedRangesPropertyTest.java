package dev.ioasid.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Claims beside a counter for each address. */
class ClaimedRangesPropertyTest {
    private static final int ADDRESSES = 24;

    record Change(boolean claim, int first, int last) {
        AddressRange range() {
            return new AddressRange(first, last);
        }
    }

    @Provide
    Arbitrary<List<Change>> changes() {
        var addresses = Arbitraries.integers().between(0, ADDRESSES - 1);
        return Combinators.combine(Arbitraries.of(true, true, false), addresses, addresses)
                .as((claim, one, other) -> new Change(claim, Math.min(one, other), Math.max(one, other)))
                .list()
                .ofMaxSize(40);
    }

    @Property
    void anAddressIsClaimedAsOftenAsItWasClaimedAndNotReleased(@ForAll("changes") List<Change> changes) {
        var claims = new ClaimedRanges();
        var counts = new int[ADDRESSES];
        for (var change : changes) {
            boolean possible = change.claim || least(counts, change) > 0;
            if (change.claim) {
                claims.claim(change.range());
            } else if (possible) {
                claims.release(change.range());
            } else {
                assertThatThrownBy(() -> claims.release(change.range())).isInstanceOf(IllegalStateException.class);
            }
            for (int at = change.first; possible && at <= change.last; at++) {
                counts[at] += change.claim ? 1 : -1;
            }
            check(claims, counts);
        }
    }

    private static int least(int[] counts, Change change) {
        int least = Integer.MAX_VALUE;
        for (int at = change.first; at <= change.last; at++) {
            least = Math.min(least, counts[at]);
        }
        return least;
    }

    private static void check(ClaimedRanges claims, int[] counts) {
        boolean any = false;
        for (int first = 0; first < ADDRESSES; first++) {
            any |= counts[first] > 0;
            assertThat(claims.lastOfPieceAt(first)).isEqualTo(lastOfEqualCount(counts, first));
            for (int last = first; last < ADDRESSES; last++) {
                assertThat(claims.firstWithin(first, last)).isEqualTo(firstClaimed(counts, first, last));
            }
        }
        assertThat(claims.isEmpty()).isEqualTo(!any);
    }

    private static long lastOfEqualCount(int[] counts, int at) {
        if (counts[at] == 0) {
            return -1;
        }
        int last = at;
        while (last + 1 < ADDRESSES && counts[last + 1] == counts[at]) {
            last++;
        }
        return last;
    }

    private static long firstClaimed(int[] counts, int first, int last) {
        for (int at = first; at <= last; at++) {
            if (counts[at] > 0) {
                return at;
            }
        }
        return -1;
    }
}
