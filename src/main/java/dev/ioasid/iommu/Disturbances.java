package dev.ioasid.iommu;

/**
 * What goes wrong at a unit although nothing is wrong with it. The hardware asks where it would show, and each question is one occasion:
 * whoever says yes may count it.
 */
public interface Disturbances {
    /** Nothing does. */
    Disturbances NONE = new Disturbances() {
        @Override
        public boolean leavesUnanswered(int sourceId) {
            return false;
        }

        @Override
        public boolean fillsFaults() {
            return false;
        }

        @Override
        public boolean fillsPageRequests() {
            return false;
        }
    };

    /** Whether a device does not answer the invalidation of its TLB that has just reached it, and forgets nothing. */
    boolean leavesUnanswered(int sourceId);

    /** Whether there is no room for a fault record that could be written now; not asked of one that a stalled transaction waits for. */
    boolean fillsFaults();

    /** Whether there is no room for a page request that could be queued now. */
    boolean fillsPageRequests();
}
