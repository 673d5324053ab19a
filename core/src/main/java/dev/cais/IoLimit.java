package dev.cais;

/**
 * A limit on how fast a container reads from or writes to one block device.
 *
 * @param device path of the block device on the host
 * @param perSecond bytes or operations; more than 0
 */
public record IoLimit(String device, Kind kind, long perSecond) {
    /** What is limited. */
    public enum Kind {
        READ_BYTES,
        WRITE_BYTES,
        READ_OPERATIONS,
        WRITE_OPERATIONS
    }

    public IoLimit {
        if (!device.startsWith("/") || perSecond <= 0) {
            throw new InvalidSpecException("cannot limit device '" + device + "' to " + perSecond
                    + " per second: the path is absolute, the limit more than 0");
        }
    }
}
