package dev.cais;

/**
 * What became of a file: of a container's image in the container, or of those below a layer in the layer.
 *
 * @param path absolute; bytes that are not UTF-8 show as U+FFFD
 */
public record FileChange(Kind kind, String path) {
    public enum Kind {
        ADDED('A'),
        /** Content or attributes; of a directory also what is in it. */
        CHANGED('C'),
        /** With all below it, which is not told of. */
        DELETED('D');

        private final char letter;

        Kind(char letter) {
            this.letter = letter;
        }
    }

    /** As {@code docker diff} writes it: {@code C /etc}. */
    @Override
    public String toString() {
        return kind.letter + " " + path;
    }
}
