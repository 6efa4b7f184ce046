package dev.ioasid.machine;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets others wait until something may have changed. Any thread may call; the lock is taken last of all and nothing is called under it.
 */
public final class Pulse {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition beaten = lock.newCondition();
    private long beats;

    /** To be asked for before one looks. */
    public long beats() {
        lock.lock();
        try {
            return beats;
        } finally {
            lock.unlock();
        }
    }

    /** Has everybody look who waits. */
    public void beat() {
        lock.lock();
        try {
            beats++;
            beaten.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for a beat after {@code seen}.
     *
     * @param deadline by {@link System#nanoTime}
     * @return false: there was none in time
     */
    public boolean await(long seen, long deadline) throws InterruptedException {
        lock.lock();
        try {
            while (beats == seen) {
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    return false;
                }
                long unused = beaten.awaitNanos(Math.min(left, TimeUnit.SECONDS.toNanos(60)));
            }
            return true;
        } finally {
            lock.unlock();
        }
    }
}
