package dev.cais;

import java.util.Locale;

/** A number of bytes. {@link #UNLIMITED} stands for no limit. */
public record ByteSize(long bytes) implements Comparable<ByteSize> {
    /** No limit at all. */
    public static final ByteSize UNLIMITED = new ByteSize(Long.MAX_VALUE);

    public ByteSize {
        if (bytes < 0) {
            throw new InvalidSpecException("cannot use a size of " + bytes + " bytes: it is negative");
        }
    }

    public static ByteSize bytes(long count) {
        return new ByteSize(count);
    }

    /** Units of 1024 bytes. */
    public static ByteSize kib(long count) {
        return scaled(count, 10);
    }

    /** Units of 1024² bytes. */
    public static ByteSize mib(long count) {
        return scaled(count, 20);
    }

    /** Units of 1024³ bytes. */
    public static ByteSize gib(long count) {
        return scaled(count, 30);
    }

    private static ByteSize scaled(long count, int shift) {
        if (count > Long.MAX_VALUE >> shift) {
            throw new InvalidSpecException(
                    "cannot use a size of " + count + " × 2^" + shift + " bytes: it is too large");
        }
        return new ByteSize(count << shift);
    }

    public boolean isUnlimited() {
        return bytes == Long.MAX_VALUE;
    }

    @Override
    public int compareTo(ByteSize other) {
        return Long.compare(bytes, other.bytes);
    }

    /** As people read it: {@code 8.1 MiB}. */
    @Override
    public String toString() {
        if (isUnlimited()) {
            return "unlimited";
        }
        if (bytes < 1024) {
            return bytes + " B";
        }
        var exponent = (63 - Long.numberOfLeadingZeros(bytes)) / 10;
        return String.format(
                Locale.ROOT, "%.1f %ciB", bytes / (double) (1L << (exponent * 10)), "KMGTPE".charAt(exponent - 1));
    }
}
