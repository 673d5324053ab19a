package dev.cais.image.layer;

import dev.cais.image.layer.TarHeader.BadField;

/** Where a file's data lies in it, piece by piece; between them are holes. Asked from front to back. */
final class FilePieces {
    /** Offset and length of the pieces in turn. */
    private final long[] pieces;

    private final long size;
    private int next;

    private FilePieces(long[] pieces, long size) {
        this.pieces = pieces;
        this.size = size;
    }

    /** One piece, without holes. */
    static FilePieces whole(long size) {
        return new FilePieces(new long[] {0, size}, size);
    }

    /**
     * Those of a sparse file, if they lie one behind the other inside the file and have just the data that there is.
     *
     * @param map offset and length of each
     * @param data bytes
     */
    static FilePieces sparse(long[] map, long size, long data) throws BadField {
        var filled = 0L;
        var behind = 0L;
        var isGood = map.length % 2 == 0 && size >= 0;
        for (var i = 0; isGood && i < map.length; i += 2) {
            isGood = map[i] >= behind && map[i + 1] >= 0 && map[i] <= size && map[i + 1] <= size - map[i];
            if (isGood) {
                behind = map[i] + map[i + 1];
                filled += map[i + 1];
            }
        }
        if (!isGood || filled != data) {
            throw new BadField("its sparse map does not fit its sizes");
        }
        return new FilePieces(map, size);
    }

    /** Of the whole file, holes included. */
    long size() {
        return size;
    }

    boolean isWhole() {
        return pieces.length == 2 && pieces[0] == 0 && pieces[1] == size;
    }

    /** Bytes of data from an offset on; 0 in a hole. */
    long untilHole(long at) {
        while (next < pieces.length && at >= pieces[next] + pieces[next + 1]) {
            next += 2;
        }
        if (next == pieces.length || at < pieces[next]) {
            return 0;
        }
        return pieces[next] + pieces[next + 1] - at;
    }

    /** Bytes of the hole that {@link #untilHole} has found there. */
    long untilData(long at) {
        return (next == pieces.length ? size : pieces[next]) - at;
    }
}
