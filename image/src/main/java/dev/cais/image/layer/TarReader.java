package dev.cais.image.layer;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.image.layer.TarHeader.BadField;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileSink;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads a tar stream front to back: v7, ustar, PAX with global headers, GNU long names, sparse files of GNU's four forms,
 * base-256 numbers; checksums are verified. Names of users and groups, and times of change, are not read.
 *
 * <p>Methods throw {@link CorruptContentException} if the stream is broken or exceeds the limits, and {@link
 * dev.cais.StorageException} if its source cannot be read.
 */
public final class TarReader implements AutoCloseable {
    /** Bytes of one extended header; GNU tar and Go's archive/tar refuse more, too. */
    private static final int EXTENSION_LARGEST = 1 << 20;
    /** Extended headers before one entry. */
    private static final int EXTENSIONS_MOST = 16;
    /** Pieces of a sparse file: 16 bytes of memory each. */
    private static final int SPARSE_MOST = 1 << 18;

    private static final long ID_LARGEST = 0xfffffffeL;
    private static final byte[] NO_BYTES = {};

    private final TarBytes in;
    private final InputStream source;
    private final String what;
    private final ImageLimits limits;
    private final TarHeader header = new TarHeader();
    private final PaxRecords global = new PaxRecords();
    private final Content content = new Content();

    private String shownName = "";
    private long entries;
    /** Bytes of the current entry's data that are still in the stream, and of the padding behind them. */
    private long dataLeft;

    private long padding;
    /** Where the next byte of the content is. */
    private long contentAt;

    private FilePieces pieces = FilePieces.whole(0);
    private boolean ended;

    /**
     * Reads what {@code source} gives.
     *
     * @param what for messages, as in {@code archive busybox.tar}
     * @param source uncompressed; need not be buffered; closed with this
     * @param limits of which path length and number of entries count here
     */
    public TarReader(InputStream source, String what, ImageLimits limits) {
        this(new StreamChunks(source, what), source, what, limits);
    }

    TarReader(Chunks chunks, String what, ImageLimits limits) {
        this(chunks, InputStream.nullInputStream(), what, limits);
    }

    private TarReader(Chunks chunks, InputStream source, String what, ImageLimits limits) {
        this.in = new TarBytes(chunks, this::ended);
        this.source = source;
        this.what = what;
        this.limits = limits;
    }

    /** The next entry, past what is unread of the last one's content; null behind the last. */
    public @Nullable TarEntry next() {
        try {
            return ended ? null : read();
        } catch (BadField e) {
            throw corrupt(shownName.isEmpty() ? e.problem() : "entry " + shownName + ": " + e.problem());
        }
    }

    private @Nullable TarEntry read() throws BadField {
        in.skip(dataLeft);
        dataLeft = 0;
        skipPadding();
        var pax = new PaxRecords(global);
        byte[] longName = null;
        byte[] longLink = null;
        var expectsEntry = false;
        for (var extensions = 0; extensions <= EXTENSIONS_MOST; extensions++) {
            shownName = "";
            if (!readHeader()) {
                if (expectsEntry) {
                    throw new BadField("it ends behind an extended header");
                }
                ended = true;
                return null;
            }
            var format = header.format();
            var size = header.number(124, 12, "size");
            if (size < 0) {
                throw new BadField("its size is negative");
            }
            expectsEntry |= "xXLK".indexOf(header.type()) >= 0;
            switch (header.type()) {
                case 'x', 'X' -> pax.add(extension(size));
                case 'g' -> {
                    global.add(extension(size));
                    if (global.size() > EXTENSION_LARGEST) {
                        throw new BadField("the global headers are larger than " + EXTENSION_LARGEST + " bytes");
                    }
                    pax = new PaxRecords(global);
                }
                case 'L' -> longName = longText(size);
                case 'K' -> longLink = longText(size);
                case 'V' -> { // the label of a tape
                    in.skip(size);
                    padding = paddingOf(size);
                    skipPadding();
                }
                default -> {
                    return entry(format, size, pax, longName, longLink);
                }
            }
        }
        throw new BadField("more than " + EXTENSIONS_MOST + " extended headers stand before one entry");
    }

    /** Reads a header; false at the end, which is two blocks of zeros, or one, or none. */
    private boolean readHeader() throws BadField {
        if (!readBlock()) {
            return false;
        }
        if (header.isZero()) {
            if (readBlock() && !header.isZero()) {
                throw new BadField("a block of zeros stands between entries");
            }
            return false;
        }
        if (!header.checksumIsRight()) {
            throw new BadField("the checksum of a header is wrong");
        }
        return true;
    }

    private boolean readBlock() throws BadField {
        if (in.isAtEnd()) {
            return false;
        }
        in.read(header.block, TarHeader.BLOCK);
        return true;
    }

    private byte[] longText(long size) throws BadField {
        var text = extension(size);
        var length = 0;
        while (length < text.length && text[length] != 0) {
            length++;
        }
        return Arrays.copyOf(text, length);
    }

    private byte[] extension(long size) throws BadField {
        if (size > EXTENSION_LARGEST) {
            throw new BadField("an extended header is larger than " + EXTENSION_LARGEST + " bytes");
        }
        var content = new byte[(int) size];
        in.read(content, content.length);
        padding = paddingOf(size);
        skipPadding();
        return content;
    }

    private TarEntry entry(
            TarHeader.Format format, long size, PaxRecords pax, byte @Nullable [] longName, byte @Nullable [] longLink)
            throws BadField {
        var name = longName != null ? longName : pax.path("GNU.sparse.name", pax.path("path", header.name(format)));
        var link = longLink != null ? longLink : pax.path("linkpath", header.link());
        shownName = shown(name);
        if (++entries > limits.layerEntries()) {
            throw corrupt("it has more than " + limits.layerEntries() + " entries, the limit");
        }
        if (name.length > limits.pathLength() || link.length > limits.pathLength()) {
            throw new BadField("its name is longer than " + limits.pathLength() + " bytes, the limit");
        }
        var type = type(name);
        var isFile = type == TarType.FILE;
        var isDevice = type == TarType.CHARACTER_DEVICE || type == TarType.BLOCK_DEVICE;
        var major = isDevice ? header.number(329, 8, "device number") : 0;
        var minor = isDevice ? header.number(337, 8, "device number") : 0;
        var isLink = type == TarType.HARD_LINK || type == TarType.SYMLINK;
        var attributes = attributes(format, pax);
        dataLeft = isFile ? pax.number("size", size) : 0;
        padding = paddingOf(dataLeft);
        contentAt = 0;
        pieces = FilePieces.whole(dataLeft);
        if (isFile) {
            readSparseMap(pax);
        }
        return new TarEntry(type, name, isLink ? link : NO_BYTES, pieces.size(), attributes, major, minor);
    }

    private TarType type(byte[] name) throws BadField {
        return switch (header.type()) {
            case '0', '\0' -> name.length > 0 && name[name.length - 1] == '/' ? TarType.DIRECTORY : TarType.FILE;
            case '7', 'S' -> TarType.FILE;
            case '1' -> TarType.HARD_LINK;
            case '2' -> TarType.SYMLINK;
            case '3' -> TarType.CHARACTER_DEVICE;
            case '4' -> TarType.BLOCK_DEVICE;
            case '5' -> TarType.DIRECTORY;
            case '6' -> TarType.FIFO;
            default -> throw new BadField("its type is unknown: " + (int) header.type());
        };
    }

    private Attributes attributes(TarHeader.Format format, PaxRecords pax) throws BadField {
        var modified = time(136, "mtime");
        var accessed = modified;
        if (format == TarHeader.Format.GNU && header.block[345] != 0) {
            accessed = time(345, "atime");
        } else if (format == TarHeader.Format.STAR) {
            accessed = time(476, "atime");
        }
        if (!pax.isEmpty()) {
            var paxModified = pax.time("mtime", modified);
            accessed = pax.time("atime", accessed.equals(modified) ? paxModified : accessed);
            modified = paxModified;
        }
        return new Attributes(
                id(pax.number("uid", header.number(108, 8, "uid")), "uid"),
                id(pax.number("gid", header.number(116, 8, "gid")), "gid"),
                (int) header.number(100, 8, "mode") & 07777,
                modified,
                accessed,
                pax.isEmpty() ? List.of() : pax.xattrs());
    }

    private static long id(long id, String field) throws BadField {
        if (id < 0 || id > ID_LARGEST) {
            throw new BadField("its " + field + " is not from 0 to " + ID_LARGEST);
        }
        return id;
    }

    private Instant time(int field, String name) throws BadField {
        var seconds = header.number(field, 12, name);
        if (seconds < Instant.MIN.getEpochSecond() || seconds > Instant.MAX.getEpochSecond()) {
            throw new BadField("its " + name + " is beyond all time");
        }
        return Instant.ofEpochSecond(seconds);
    }

    // Sparse files

    private void readSparseMap(PaxRecords pax) throws BadField {
        if (header.type() == 'S') {
            var size = header.number(483, 12, "real size"); // before the map's further blocks take the header's place
            pieces = FilePieces.sparse(gnuMap(), size, dataLeft);
            return;
        }
        var major = pax.text("GNU.sparse.major");
        if (major != null && !major.equals("0")) {
            if (!major.equals("1") || !"0".equals(pax.text("GNU.sparse.minor"))) {
                throw new BadField("its sparse format is unknown");
            }
            var size = pax.number("GNU.sparse.realsize", -1);
            var map = mapInData(); // which is a part of the data
            pieces = FilePieces.sparse(map, size, dataLeft);
            return;
        }
        var map = pax.sparseMap();
        if (map != null) {
            pieces = FilePieces.sparse(
                    map, pax.number("GNU.sparse.size", pax.number("GNU.sparse.realsize", -1)), dataLeft);
        }
    }

    /** Form "old GNU": four pieces in the header, and 21 in each block that follows. */
    private long[] gnuMap() throws BadField {
        var map = new ArrayList<Long>();
        var more = addPieces(map, 386, 4, 482);
        while (more) {
            if (!readBlock()) {
                throw ended();
            }
            more = addPieces(map, 0, 21, 504);
        }
        return map.stream().mapToLong(Long::longValue).toArray();
    }

    private boolean addPieces(List<Long> map, int from, int count, int moreFlag) throws BadField {
        for (var i = 0; i < count && header.block[from + 24 * i] != 0; i++) {
            map.add(header.number(from + 24 * i, 12, "sparse map"));
            map.add(header.number(from + 24 * i + 12, 12, "sparse map"));
        }
        checkPieces(map.size());
        return header.block[moreFlag] != 0;
    }

    private static void checkPieces(long numbers) throws BadField {
        if (numbers > 2 * SPARSE_MOST) {
            throw new BadField("it is sparse in more than " + SPARSE_MOST + " pieces");
        }
    }

    /** Form 1.0: decimal numbers, each in a line, at the start of the data, in whole blocks. */
    private long[] mapInData() throws BadField {
        var before = dataLeft;
        var count = line();
        checkPieces(2 * Math.min(count, Integer.MAX_VALUE));
        var map = new ArrayList<Long>();
        for (var i = 0L; i < 2 * count; i++) {
            map.add(line());
        }
        var unfinished = (before - dataLeft) % TarHeader.BLOCK;
        var rest = unfinished == 0 ? 0 : TarHeader.BLOCK - unfinished;
        if (rest > dataLeft) {
            throw new BadField("its sparse map is longer than its data");
        }
        in.skip(rest);
        dataLeft -= rest;
        return map.stream().mapToLong(Long::longValue).toArray();
    }

    private long line() throws BadField {
        var digits = new StringBuilder();
        while (digits.length() < 20) {
            if (dataLeft == 0) {
                break;
            }
            in.require();
            dataLeft--;
            var each = (char) (in.bytes()[in.at()] & 0xff);
            in.pass(1);
            if (each == '\n') {
                return PaxRecords.decimal(digits.toString(), "sparse map");
            }
            digits.append(each);
        }
        throw new BadField("its sparse map is no list of numbers");
    }

    // Content

    /** The content of the current entry, holes as zeros; valid until {@link #next()}. Its reads throw as said above. */
    public InputStream content() {
        return content;
    }

    /** Where in the stream the current file's content begins; -1 if it is sparse, so that it does not lie there as it is. */
    public long contentOffset() {
        return pieces.isWhole() && dataLeft == pieces.size() ? in.position() : -1;
    }

    /** Writes what is left of the current entry's content, holes as holes. */
    void transferTo(FileSink sink) {
        while (contentAt < pieces.size()) {
            var data = pieces.untilHole(contentAt);
            if (data == 0) {
                var hole = pieces.untilData(contentAt);
                sink.skip(hole);
                contentAt += hole;
            } else {
                in.require();
                var part = (int) Math.min(in.available(), data);
                sink.write(in.bytes(), in.at(), part);
                consumed(part);
            }
        }
    }

    private int readContent(byte[] target, int offset, int length) {
        if (length == 0) {
            return 0;
        }
        if (contentAt == pieces.size()) {
            return -1;
        }
        var data = pieces.untilHole(contentAt);
        if (data == 0) {
            var hole = (int) Math.min(length, pieces.untilData(contentAt));
            Arrays.fill(target, offset, offset + hole, (byte) 0);
            contentAt += hole;
            return hole;
        }
        in.require();
        var part = (int) Math.min(Math.min(in.available(), data), length);
        System.arraycopy(in.bytes(), in.at(), target, offset, part);
        consumed(part);
        return part;
    }

    private void consumed(int count) {
        in.pass(count);
        contentAt += count;
        dataLeft -= count;
    }

    private final class Content extends InputStream {
        @Override
        public int read() {
            var one = new byte[1];
            return readContent(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            Objects.checkFromIndexSize(offset, length, target.length);
            return readContent(target, offset, length);
        }
    }

    /** Some programs leave out the padding behind the last entry. */
    private void skipPadding() {
        while (padding > 0 && !in.isAtEnd()) {
            var part = (int) Math.min(in.available(), padding);
            in.pass(part);
            padding -= part;
        }
        padding = 0;
    }

    private static long paddingOf(long size) {
        return -size & (TarHeader.BLOCK - 1);
    }

    private CorruptContentException ended() {
        return corrupt(shownName.isEmpty() ? "it ends in a header" : "it ends in entry " + shownName);
    }

    private CorruptContentException corrupt(String why) {
        return new CorruptContentException(
                "cannot read " + what + ": " + why, Map.of("offset", in.position()), "fetch or save it again");
    }

    /** A name from outside for a message: short, and without what a terminal would obey. */
    static String shown(byte[] name) {
        var text = new String(name, 0, Math.min(name.length, 200), StandardCharsets.UTF_8);
        var shown = text.codePoints()
                .map(each -> Character.isISOControl(each) ? '?' : each)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append);
        return name.length > 200 ? shown.append('…').toString() : shown.toString();
    }

    @Override
    public void close() {
        try {
            source.close();
        } catch (IOException e) {
            throw StreamChunks.unreadable(what, e);
        }
    }
}
