package dev.cais.image.attestation;

import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.KernelException;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.ReadChannel;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.storage.InRoot;
import java.io.BufferedReader;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.channels.Channels;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/** Files of an image, found below its root: links lead where they lead for its programs. */
final class ImageFiles {
    private static final long LARGEST = 64 << 20;
    private static final int LONGEST_LINE = 1 << 16;

    private final Fd root;
    private final InRoot paths;

    /** @param root of the image, not closed */
    ImageFiles(Fd root) {
        this.root = root;
        this.paths = new InRoot(root, "the image");
    }

    Fd root() {
        return root;
    }

    /** Lines of a text; those that are longer than 64 KiB are cut, and no more than 64 MiB is read. */
    interface Lines {
        void line(String line);
    }

    /** Reads a regular file, if there is one at the path. */
    void read(String path, Lines lines) {
        open(path).ifPresent(file -> {
            try (file;
                    var in = new Limited(Channels.newInputStream(new ReadChannel(file)), LARGEST);
                    var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                each(reader, lines);
            } catch (IOException e) {
                throw unreadable(path, e);
            }
        });
    }

    private static void each(BufferedReader reader, Lines lines) throws IOException {
        var line = new StringBuilder();
        for (var c = reader.read(); c >= 0; c = reader.read()) {
            if (c == '\n') {
                lines.line(line.toString());
                line.setLength(0);
            } else if (line.length() < LONGEST_LINE) {
                line.append((char) c);
            }
        }
        if (!line.isEmpty()) {
            lines.line(line.toString());
        }
    }

    static EngineException unreadable(String path, IOException cause) {
        if (cause instanceof ClosedByInterruptException) {
            return new CancelledException("cannot read " + path + " of the image: the thread was interrupted");
        }
        return new StorageException("cannot read " + path + " of the image: " + cause, Map.of(), "", cause);
    }

    private Optional<Fd> open(String path) {
        var found = find(path);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        try (var place = found.get()) {
            var stat = new Statx();
            Syscalls.checked("cannot read " + path + " of the image", Syscall.STATX, stat.of(place.number()));
            if (stat.type() != Abi.S_IFREG) {
                return Optional.empty(); // opening it could wait, or do something
            }
            var opened = FileCalls.reopen(place.number(), Abi.O_RDONLY);
            return Optional.of(
                    Fd.of(Syscalls.checked("cannot read " + path + " of the image", Syscall.OPENAT, opened)));
        }
    }

    /** A link that leads round in circles leads nowhere. */
    private Optional<Fd> find(String path) {
        try {
            return paths.find(InRoot.path(path));
        } catch (KernelException e) {
            if (Errno.of(e.errno()) == Errno.ELOOP) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Ends when so much has been read. */
    private static final class Limited extends FilterInputStream {
        private long left;

        Limited(InputStream in, long most) {
            super(in);
            this.left = most;
        }

        @Override
        public int read() throws IOException {
            return left-- > 0 ? super.read() : -1;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            var count = left > 0 ? super.read(bytes, offset, (int) Math.min(left, length)) : -1;
            left -= Math.max(count, 0);
            return count;
        }
    }
}
