package dev.cais.storage;

/**
 * An extended attribute, as in xattr(7).
 *
 * @param name with its name space, as in {@code security.capability}
 * @param value not copied
 */
public record Xattr(String name, byte[] value) {
    private static final String OF_USERS = "user.";

    /** Whether everybody gives it who may write to the file, and it means nothing to the kernel. */
    boolean isOfUsers() {
        return name.startsWith(OF_USERS);
    }
}
