package dev.ioasid.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** A page is mapped and unmapped again, beside pages of other rounds in the same table. A walk finds it, or nothing. */
@JCStressTest
@Outcome(id = "[01], [01], 1", expect = Expect.ACCEPTABLE, desc = "found or not, and unmapped once")
@Outcome(expect = Expect.FORBIDDEN, desc = "something else was found, or the page was lost")
@State
public class PageStress {
    private final long iova = Tables.addresses(Tables.PAGE);

    @Actor
    public void writer(III_Result found) {
        Tables.map(iova, 1);
        found.r3 = Tables.unmap(iova, 1);
    }

    @Actor
    public void walker(III_Result found) {
        int stay = Tables.enter();
        found.r1 = Tables.walk(iova);
        found.r2 = Tables.walk(iova);
        Tables.exit(stay);
    }
}
