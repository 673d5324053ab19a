package dev.cais.runtime.log;

/**
 * When a log goes on in a new file, and how many it keeps.
 *
 * @param maxSize bytes after which a file is full; the record that fills it may reach beyond
 * @param maxFiles the newest included; at least 1
 */
record Rotation(long maxSize, int maxFiles) {
    static final Rotation NEVER = new Rotation(Long.MAX_VALUE, 1);
}
