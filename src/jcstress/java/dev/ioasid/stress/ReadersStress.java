package dev.ioasid.stress;

import dev.ioasid.memory.Readers;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * One unlinks a frame, waits for the readers and uses the frame for something else. Who finds the link inside a stay finds the
 * old contents behind it.
 */
@JCStressTest
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "the link was gone")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "the link was there, and the writer waited")
@Outcome(expect = Expect.FORBIDDEN, desc = "a reader was inside while the frame was used again")
@State
public class ReadersStress {
    private final Readers readers = new Readers();
    private int link = 1;
    private int frame = 1;

    @Actor
    public void reader(II_Result found) {
        int stay = readers.enter();
        found.r1 = link;
        found.r2 = found.r1 == 0 ? 0 : frame;
        readers.exit(stay);
    }

    @Actor
    public void writer() {
        link = 0;
        readers.await();
        frame = 2;
    }
}
