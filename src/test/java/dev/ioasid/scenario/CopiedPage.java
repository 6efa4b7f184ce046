package dev.ioasid.scenario;

/**
 * 4 KiB of a plain copy of memory, and who is at it: DMA that has been begun and not compared yet, or a guest that moves it. Guarded by the
 * {@link Copies} it is of.
 */
class CopiedPage {
    static final int SIZE = 0x1000;

    private final boolean writable;
    private final byte[] bytes = new byte[SIZE];
    private int readers;
    private boolean writer;

    CopiedPage(boolean writable) {
        this.writable = writable;
    }

    boolean allows(boolean write) {
        return writable || !write;
    }

    /** What it should hold. */
    byte[] bytes() {
        return bytes;
    }

    /** Whether nobody is at it who would notice. */
    boolean isFree(boolean write) {
        return !writer && (!write || readers == 0);
    }

    final void take(boolean write) {
        readers += write ? 0 : 1;
        writer |= write;
    }

    final void release(boolean write) {
        readers -= write ? 0 : 1;
        writer &= !write;
    }
}
