package dev.cais;

/**
 * One layer of an image.
 *
 * @param diffId digest of the uncompressed tar stream
 * @param blob digest of the stored, perhaps compressed stream
 * @param size of the stored stream
 * @param mediaType of the stored stream
 */
public record Layer(Digest diffId, Digest blob, ByteSize size, String mediaType) {}
