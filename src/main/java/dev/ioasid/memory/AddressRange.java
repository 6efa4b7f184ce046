package dev.ioasid.memory;

/** Addresses {@code first} to {@code last}, both inclusive and unsigned, so that the last byte of 2^64 has a name. */
public record AddressRange(long first, long last) {
    public AddressRange {
        if (Long.compareUnsigned(first, last) > 0) {
            throw new IllegalArgumentException(Long.toHexString(first) + " is above " + Long.toHexString(last));
        }
    }

    public static AddressRange of(long first, long length) {
        return new AddressRange(first, first + length - 1);
    }

    /** Bytes; 0 stands for all of 2^64. */
    public long length() {
        return last - first + 1;
    }

    public boolean contains(long address) {
        return Long.compareUnsigned(first, address) <= 0 && Long.compareUnsigned(address, last) <= 0;
    }

    public boolean contains(AddressRange other) {
        return contains(other.first) && contains(other.last);
    }

    public boolean intersects(AddressRange other) {
        return Long.compareUnsigned(first, other.last) <= 0 && Long.compareUnsigned(other.first, last) <= 0;
    }

    @Override
    public String toString() {
        return "0x" + Long.toHexString(first) + "..0x" + Long.toHexString(last);
    }
}
