package dev.cais;

/**
 * What an image takes of the disk: its documents, its layers as they came, and their unpacked files.
 *
 * @param size of all of it, in bytes of content
 * @param shared of that, what other images need too
 * @param unique what removing this image alone would free; together they are {@code size}
 * @param containers of live engines, in any JVM, that were made of it
 */
public record ImageUse(Image image, ByteSize size, ByteSize shared, ByteSize unique, int containers) {}
