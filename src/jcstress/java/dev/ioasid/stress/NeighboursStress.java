package dev.ioasid.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Two writers meet in one region: at one lock, one table and one count, which both make and take away. Neither loses its
 * page.
 */
@JCStressTest
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "each unmapped its page")
@Outcome(expect = Expect.FORBIDDEN, desc = "a page was lost")
@State
public class NeighboursStress {
    private final long iova = Tables.addresses(Tables.REGION);

    @Actor
    public void one(II_Result unmapped) {
        Tables.map(iova, 1);
        unmapped.r1 = Tables.unmap(iova, 1);
    }

    @Actor
    public void other(II_Result unmapped) {
        Tables.map(iova + Tables.PAGE, 1);
        unmapped.r2 = Tables.unmap(iova + Tables.PAGE, 1);
    }
}
