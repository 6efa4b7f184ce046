package dev.ioasid.iommu;

import dev.ioasid.memory.BitField;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * A driver's hand on a unit's registers: by their architectural names, one at a time.
 *
 * <p>Any thread may call; whoever reads a register and writes what follows from that does so under his own lock.
 */
public record DriverRegisters(IommuHardware hardware) {
    public long read(String register) {
        return readTogether(register)[0];
    }

    /** Several registers as they stand at one moment, in the order asked for. */
    public long[] readTogether(String... names) {
        var all = hardware.registers();
        return Arrays.stream(names)
                .mapToLong(name -> Objects.requireNonNull(all.get(name), name))
                .toArray();
    }

    /** With the side effects that the register has: see {@link IommuHardware#write}. */
    public void write(String register, long value) {
        hardware.write(new LinkedHashMap<>(Map.of(register, value)));
    }

    /** Sets every bit of a field and leaves the others. */
    public void set(String register, BitField field) {
        write(register, read(register) | field.mask());
    }

    /** Clears every bit of a field and leaves the others. */
    public void clear(String register, BitField field) {
        write(register, read(register) & ~field.mask());
    }
}
