package dev.cais.storage;

/**
 * An extended attribute, as in xattr(7).
 *
 * @param name with its name space, as in {@code security.capability}
 * @param value not copied
 */
public record Xattr(String name, byte[] value) {}
