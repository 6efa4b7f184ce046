package dev.ioasid.iommu.kernellog;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Reading a log never fails. */
class KernelLogPropertyTest {
    /** Whatever becomes of real lines, reading them never fails, and each is a fault's, blank or skipped. */
    @Property(tries = 500)
    void damagedLinesAreSurvived(@ForAll Random random) {
        var text = new StringBuilder(KernelLogTest.fixture());
        for (int i = random.nextInt(60); i >= 0 && text.length() > 1; i--) {
            int at = random.nextInt(text.length());
            int length = Math.min(random.nextInt(12), text.length() - at);
            switch (random.nextInt(6)) {
                case 0 -> text.delete(at, at + length);
                case 1 -> text.insert(at, (char) random.nextInt(0x10000));
                case 2 -> text.setCharAt(at, "0123456789abcdefx[]:.\n\r\" ".charAt(random.nextInt(25)));
                case 3 -> text.insert(at, text.substring(at, at + length).repeat(random.nextInt(4)));
                case 4 -> text.insert(at, "ffffffffffffffffffff");
                default -> text.setCharAt(at, (char) random.nextInt(0x80));
            }
        }
        var log = KernelLog.read(text.toString());
        long lines = text.toString().lines().count();
        assertThat(log.faults().size() + (long) log.skipped()).isBetween(0L, lines);
        assertThat(log.faults()).allSatisfy(fault -> {
            assertThat(fault.line()).isBetween(1, (int) lines);
            assertThat(fault.reason().detail()).isNotBlank();
            assertThat(fault.advice().lookNext()).isNotEmpty();
        });
    }
}
