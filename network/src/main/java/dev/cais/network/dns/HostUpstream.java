package dev.cais.network.dns;

import dev.cais.Dns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.List;

/**
 * The servers that the host asks now: laptops change networks, and VPNs come and go. The file is looked at when somebody asks, once a
 * second at most, and read again when it has changed. Safe for any thread.
 */
public final class HostUpstream {
    private static final long LOOK_AFTER_NANOS = Duration.ofSeconds(1).toNanos();

    private final Path file;
    private List<Object> version = List.of();
    private ResolvConf known = ResolvConf.parse("");
    private Upstream upstream = known.upstream();
    private long lookAt = System.nanoTime();

    /** @param file such as {@link ResolvConf#FILE} */
    public HostUpstream(Path file) {
        this.file = file;
    }

    /** What the file says; what it said before, if it cannot be read. */
    public Upstream current() {
        return current(Dns.HOST);
    }

    /** The same, with what a container wants in place of it. */
    public synchronized Upstream current(Dns dns) {
        var now = System.nanoTime();
        if (now - lookAt >= 0) {
            lookAt = now + LOOK_AFTER_NANOS;
            look();
        }
        return dns.equals(Dns.HOST) ? upstream : known.with(dns).upstream();
    }

    private void look() {
        try {
            var attributes = Files.readAttributes(file, BasicFileAttributes.class);
            var found = List.<Object>of(
                    String.valueOf(attributes.fileKey()), attributes.lastModifiedTime(), attributes.size());
            if (!found.equals(version)) {
                known = ResolvConf.read(file);
                upstream = known.upstream();
                version = found;
            }
        } catch (IOException | UncheckedIOException e) {
            version = List.of(); // somebody is about to write it: what was known still holds
        }
    }
}
