package dev.ioasid.web.topology;

import java.util.ArrayDeque;
import java.util.Arrays;

/** Cards above one another, in a fixed order and at least a gap apart, each pulled to where it would like to be. */
final class Column {
    private static final double GAP = 16;

    private final double[] heights;
    /** Where each card stands if all stand as close and as high as they can. */
    private final double[] stacked;

    private final double[] tops;
    private final double[] pulls;
    private final int[] pullers;

    Column(double[] heights) {
        this.heights = heights;
        stacked = new double[heights.length];
        for (int card = 1; card < heights.length; card++) {
            stacked[card] = stacked[card - 1] + heights[card - 1] + GAP;
        }
        tops = stacked.clone();
        pulls = new double[heights.length];
        pullers = new int[heights.length];
    }

    int size() {
        return tops.length;
    }

    double top(int card) {
        return tops[card];
    }

    double height(int card) {
        return heights[card];
    }

    /** The top of the first card. */
    private double top() {
        return tops.length == 0 ? 0 : tops[0];
    }

    /** The bottom of the last card. */
    double bottom() {
        return tops.length == 0 ? 0 : tops[tops.length - 1] + heights[heights.length - 1];
    }

    /** One more wish that this card's top be here; the mean of its wishes counts. */
    void pull(int card, double top) {
        pulls[card] += top;
        pullers[card]++;
    }

    /**
     * Moves the cards to where the squares of the distances from their wishes are least, and forgets the wishes.
     * Counted from {@link #stacked}, no card may move less than the one above it, so this is isotonic regression:
     * neighbours that would come too close are pooled, and stand together at the mean of their wishes. A card without a
     * wish keeps to its neighbour.
     */
    void settle() {
        record Pool(double wishes, int wishing, int cards) {
            double shift() {
                return wishes / wishing;
            }

            boolean meets(Pool next) {
                return wishing == 0 || next.wishing == 0 || shift() >= next.shift();
            }

            Pool with(Pool next) {
                return new Pool(wishes + next.wishes, wishing + next.wishing, cards + next.cards);
            }
        }
        var pools = new ArrayDeque<Pool>();
        for (int card = 0; card < tops.length; card++) {
            var pool = pullers[card] == 0
                    ? new Pool(0, 0, 1)
                    : new Pool(pulls[card] / pullers[card] - stacked[card], 1, 1);
            while (!pools.isEmpty() && pools.getLast().meets(pool)) {
                pool = pools.removeLast().with(pool);
            }
            pools.addLast(pool);
        }
        int card = 0;
        for (var pool : pools) {
            for (int end = card + pool.cards; card < end; card++) {
                if (pool.wishing > 0) tops[card] = stacked[card] + pool.shift();
            }
        }
        Arrays.fill(pulls, 0);
        Arrays.fill(pullers, 0);
    }

    /** Moves all cards to whole numbers, the highest of both columns to 0, and closes gaps that go through both. */
    static void align(Column left, Column right) {
        double highest = Math.min(left.top(), right.top());
        left.raise(highest);
        right.raise(highest);
        double lift = 0;
        double bottom = 0;
        int nextLeft = 0;
        int nextRight = 0;
        while (nextLeft < left.size() || nextRight < right.size()) {
            boolean fromLeft = nextRight == right.size()
                    || (nextLeft < left.size() && left.tops[nextLeft] <= right.tops[nextRight]);
            var column = fromLeft ? left : right;
            int card = fromLeft ? nextLeft++ : nextRight++;
            lift += Math.max(0, column.tops[card] - lift - bottom - GAP);
            column.tops[card] -= lift;
            bottom = Math.max(bottom, column.tops[card] + column.heights[card]);
        }
    }

    private void raise(double distance) {
        for (int card = 0; card < tops.length; card++) {
            tops[card] = stacked[card] + Math.rint(tops[card] - stacked[card] - distance);
        }
    }
}
