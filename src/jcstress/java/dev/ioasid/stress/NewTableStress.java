package dev.ioasid.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * Two pages are mapped where there is no table yet. The table is filled before it is linked: who finds the first page finds
 * the second.
 */
@JCStressTest
@Outcome(id = "0, 0, 2", expect = Expect.ACCEPTABLE, desc = "before")
@Outcome(id = "0, 1, 2", expect = Expect.ACCEPTABLE, desc = "between the two walks")
@Outcome(id = "1, 1, 2", expect = Expect.ACCEPTABLE, desc = "after")
@Outcome(expect = Expect.FORBIDDEN, desc = "a table was seen half filled, or with other contents")
@State
public class NewTableStress {
    private final long iova = Tables.addresses(Tables.REGION);

    @Actor
    public void writer() {
        Tables.map(iova, 2);
    }

    @Actor
    public void walker(III_Result found) {
        int stay = Tables.enter();
        found.r1 = Tables.walk(iova);
        found.r2 = Tables.walk(iova + Tables.PAGE);
        Tables.exit(stay);
    }

    @Arbiter
    public void unmapped(III_Result found) {
        found.r3 = Tables.unmap(iova, 2);
    }
}
