package dev.cais.runtime;

import dev.cais.NetworkDriver.Vxlan;
import dev.cais.StorageException;
import dev.cais.VxlanSecret;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Syscall;
import dev.cais.network.esp.VxlanEncryption;
import dev.cais.network.netlink.Netlink;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an engine has the kernel encrypt for its networks of several hosts: keys are changed in time, and a file of the engine's directory
 * holds the messages by which the {@link Will} takes all of it back, since the kernel keeps it when the JVM dies.
 *
 * <p>Each message has as many bytes of the file as the longest, so that the will can read and send a number of them at once. No key is
 * among them.
 */
final class EncryptedHosts implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EncryptedHosts.class);
    private static final String FILE = "encrypted-hosts";
    private static final int PLACE = 80;
    private static final int PLACES_AT_ONCE = 100;
    private static final int NLMSG_NOOP = 1;
    private static final int HEADER = 16;
    /** A machine that slept does not wait for the rest of an hour. */
    private static final Duration LONGEST_REST = Duration.ofMinutes(1);

    private final Path directory;
    private final EventLoop loop;
    private final Executor workers;
    private final Clock clock = Clock.systemUTC();
    private final Set<VxlanEncryption> all = new LinkedHashSet<>();
    private EventLoop.@Nullable Timer timer;

    EncryptedHosts(Path directory, EventLoop loop, Executor workers) {
        this.directory = directory;
        this.loop = loop;
        this.workers = workers;
    }

    /** @throws dev.cais.EngineException that begins with {@code cannot} */
    synchronized VxlanEncryption begin(String cannot, Vxlan vxlan, VxlanSecret secret) {
        var encryption = VxlanEncryption.claim(cannot, vxlan, secret, clock.instant());
        try (var undo = new Undo()) {
            undo.addStep(() -> end(encryption));
            all.add(encryption);
            tellWill();
            encryption.begin(cannot);
            rest();
            undo.keepAll();
            return encryption;
        }
    }

    synchronized void end(VxlanEncryption encryption) {
        try (encryption) {
            all.remove(encryption);
        } finally {
            tellWill();
        }
    }

    private synchronized void rest() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
        var now = clock.instant();
        all.stream()
                .map(each -> Duration.between(now, each.over()))
                .min(Duration::compareTo)
                .map(rest -> rest.compareTo(LONGEST_REST) > 0 ? LONGEST_REST : rest)
                .ifPresent(rest -> timer =
                        loop.schedule(rest.isNegative() ? Duration.ZERO : rest, () -> workers.execute(this::renew)));
    }

    private synchronized void renew() {
        for (var each : all) {
            try {
                each.renew(clock.instant(), this::tellWill);
            } catch (RuntimeException e) {
                LOG.warn("{} goes on with the keys of before", each, e);
            }
        }
        rest();
    }

    private void tellWill() {
        var file = directory.resolve(FILE);
        try {
            if (all.isEmpty()) {
                Files.deleteIfExists(file);
                return;
            }
            var messages = all.stream()
                    .flatMap(each -> each.removal().stream())
                    .map(request -> place(request.message()))
                    .toList();
            var bytes = ByteBuffer.allocate(messages.size() * PLACE);
            messages.forEach(bytes::put);
            var written = Files.write(directory.resolve(FILE + ".new"), bytes.array());
            Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new StorageException("cannot note in " + file + " what is encrypted: " + e, Map.of(), "", e);
        }
    }

    /** With a message behind it that says nothing. */
    private static byte[] place(byte[] message) {
        var place = ByteBuffer.allocate(PLACE).order(ByteOrder.LITTLE_ENDIAN).put(message);
        var rest = place.remaining();
        if (rest >= HEADER) {
            place.putInt(rest).putShort((short) NLMSG_NOOP);
        }
        return place.array();
    }

    /** The will's part, in the network namespace of the JVM: what is not there, or cannot be taken back, stays so. */
    static void takeBack(LaunchBuilder program, Path directory) {
        program.open(directory.resolve(FILE).toString(), Abi.O_RDONLY | Abi.O_CLOEXEC, 0)
                .onFailure("taken back");
        var file = program.result();
        program.socket(Abi.AF_NETLINK, Abi.SOCK_RAW | Abi.SOCK_CLOEXEC, Netlink.Family.XFRM.number())
                .onFailure("taken back");
        var socket = program.result();
        var places = program.reserve(PLACE * PLACES_AT_ONCE);
        program.label("take back");
        program.read(file, places, PLACE * PLACES_AT_ONCE)
                .on(Errno.EINTR, "take back")
                .onZero("sent")
                .onFailure("sent");
        program.step(Syscall.SENDTO, socket, places, program.result(), Arg.of(0), Arg.of(0), Arg.of(0))
                .ignoreFailure()
                .goTo("take back");
        program.label("sent");
        program.close(file).close(socket);
        program.label("taken back");
    }

    /** The engine ends. */
    @Override
    public synchronized void close() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
        try (var undo = new Undo()) {
            all.forEach(undo::add);
            all.clear();
        }
    }
}
