package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.memory.AddressRange;

/** Addresses {@code first} to {@code last}, both inclusive. */
record RangeBody(Hex first, Hex last) {
    RangeBody {
        if (Long.compareUnsigned(first.value(), last.value()) > 0) {
            throw new RefusedException(Errno.EINVAL, "first " + first + " is above last " + last);
        }
    }

    static RangeBody of(AddressRange range) {
        return new RangeBody(new Hex(range.first()), new Hex(range.last()));
    }

    AddressRange range() {
        return new AddressRange(first.value(), last.value());
    }
}
