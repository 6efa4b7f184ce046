package dev.ioasid.iommu;

import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.BitLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * What a unit's queue was given.
 *
 * @param name what it is: {@code iotlb-page}
 * @param words 64-bit words, lowest first
 * @param layout how they are read
 */
public record IssuedCommand(String name, List<Long> words, BitLayout layout) {
    /**
     * Submits commands one after the other, up to the first that is refused: {@code index} and {@code completed} of the refusal say which.
     *
     * @param submit has one done, or refuses it
     */
    public static List<IssuedCommand> inOrder(List<List<Long>> commands, Function<List<Long>, IssuedCommand> submit) {
        var issued = new ArrayList<IssuedCommand>();
        for (int index = 0; index < commands.size(); index++) {
            try {
                issued.add(submit.apply(commands.get(index)));
            } catch (RefusedException refused) {
                throw refused.with("index", index).with("completed", index);
            }
        }
        return List.copyOf(issued);
    }
}
