package dev.cais.runtime.build;

import dev.cais.Platform;
import dev.cais.UnsupportedHostException;
import dev.cais.image.oci.Index;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * Whether programs for other processors run here: the kernel hands them to emulators that were registered with {@code binfmt_misc}.
 *
 * @param registered directory with a file for each
 * @param host that runs others' programs
 * @see <a href="https://docs.kernel.org/admin-guide/binfmt-misc.html">Kernel documentation, binfmt_misc</a>
 */
record Emulation(Path registered, Platform host) {
    static final Emulation OF_KERNEL = new Emulation(Path.of("/proc/sys/fs/binfmt_misc"), Platform.host());

    private static final int LARGEST = 4096;

    /** Numbers of processors in the heads of programs, as {@code elf.h} has them. */
    private static final Map<String, Integer> MACHINES = Map.of(
            "386",
            3,
            "amd64",
            62,
            "arm",
            40,
            "arm64",
            183,
            "riscv64",
            243,
            "ppc64le",
            21,
            "mips64le",
            8,
            "loong64",
            258);

    /** @throws UnsupportedHostException with the reason alone, if they do not */
    void require(Platform platform) {
        if (Index.fits(host, platform)) {
            return;
        }
        var machine = platform.os().equals("linux")
                ? Optional.ofNullable(MACHINES.get(platform.architecture()))
                : Optional.<Integer>empty();
        if (machine.isEmpty()) {
            throw new UnsupportedHostException(
                    "programs for " + platform + " do not run on this host, which is " + host);
        }
        var wide = platform.architecture().endsWith("64")
                || platform.architecture().endsWith("64le");
        var emulator = find(head(machine.get(), wide));
        if (emulator.isEmpty()) {
            throw new UnsupportedHostException(
                    "programs for " + platform + " do not run on this host, which is " + host
                            + " and has no emulator for them",
                    "install qemu-user-static, which registers with binfmt_misc, or write FROM --platform=$BUILDPLATFORM"
                            + " and let the stage compile for $TARGETPLATFORM");
        }
        if (!emulator.get().flags().contains("F")) {
            throw new UnsupportedHostException(
                    "programs for " + platform + " do not run in containers of this host: their emulator "
                            + emulator.get().interpreter() + " is looked for in the container",
                    "register it with flag F, as qemu-user-static does");
        }
    }

    private record Emulator(String interpreter, String flags) {}

    /** The first bytes of a program: class, little endian, version, and behind them type and machine. */
    private static byte[] head(int machine, boolean wide) {
        var head = new byte[20];
        head[0] = 0x7f;
        head[1] = 'E';
        head[2] = 'L';
        head[3] = 'F';
        head[4] = (byte) (wide ? 2 : 1);
        head[5] = 1;
        head[6] = 1;
        head[16] = 2;
        head[18] = (byte) machine;
        head[19] = (byte) (machine >> 8);
        return head;
    }

    private Optional<Emulator> find(byte[] head) {
        if (!Files.isDirectory(registered)) {
            return Optional.empty();
        }
        try (var entries = Files.newDirectoryStream(registered)) {
            for (var entry : entries) {
                var emulator = read(entry, head);
                if (emulator.isPresent()) {
                    return emulator;
                }
            }
        } catch (IOException e) {
            return Optional.empty(); // not for us to see
        }
        return Optional.empty();
    }

    private static Optional<Emulator> read(Path entry, byte[] head) {
        String text;
        try (var in = Files.newInputStream(entry)) {
            text = new String(in.readNBytes(LARGEST), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            return Optional.empty(); // one for writing, or gone since
        }
        var fields = new HashMap<String, String>();
        for (var line : text.split("\n")) {
            var parts = line.split(":? ", 2);
            fields.put(parts[0], parts.length < 2 ? "" : parts[1].trim());
        }
        var magic = fields.getOrDefault("magic", "");
        if (!fields.containsKey("enabled") || !fields.getOrDefault("offset", "").equals("0") || magic.isEmpty()) {
            return Optional.empty();
        }
        return matches(head, magic, fields.getOrDefault("mask", "f".repeat(magic.length())))
                ? Optional.of(new Emulator(fields.getOrDefault("interpreter", ""), fields.getOrDefault("flags", "")))
                : Optional.empty();
    }

    private static boolean matches(byte[] head, String magic, String mask) {
        var wanted = HexFormat.of().parseHex(magic);
        var bits = HexFormat.of().parseHex(mask);
        if (wanted.length > head.length || bits.length != wanted.length) {
            return false;
        }
        for (var i = 0; i < wanted.length; i++) {
            if ((head[i] & bits[i]) != (wanted[i] & bits[i])) {
                return false;
            }
        }
        return true;
    }
}
