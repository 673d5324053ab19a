package dev.cais.image.host;

import dev.cais.Digest;
import dev.cais.Platform;
import dev.cais.UnsupportedHostException;
import dev.cais.image.archive.ArchiveFile;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.layer.TarWriter;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The image {@code cais/host}, before it is written: a shell, coreutils and more of the host's own programs, with what their
 * ELF headers ask for. The same host files give the same bytes.
 *
 * <p>Its command is {@code sh}; its only label holds {@link #key()}.
 */
public final class HostImage {
    /** As users write it. */
    public static final String NAME = "cais/host";

    /** The label that holds {@link #key()}. */
    public static final String KEY_LABEL = "dev.cais.host.key";

    private static final String FORMAT = "1"; // counts up when the same files would make another image
    private static final int BUFFER = 1 << 17;
    private static final List<String> STANDARD_PATH =
            List.of("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin");
    private static final List<String> SEARCHED_FIRST = List.of("/usr/sbin", "/usr/bin", "/sbin", "/bin");

    /** What is taken if the host has it; programs whose libraries are missing are left out. */
    private static final String PROGRAMS = """
            [ arch awk base64 basename cat chgrp chmod chown chroot cksum cmp comm cp cut date dd df diff dirname du echo
            egrep env expand expr factor false fgrep find flock fold free getent grep groups gunzip gzip head hostid
            hostname id install ip join kill ln logname ls md5sum mkdir mkfifo mknod mktemp mount mountpoint mv nice nl
            nohup nproc nsenter od paste pgrep pkill printenv printf prlimit ps pwd readlink realpath rm rmdir sed seq
            setpriv setsid sha1sum sha256sum sha512sum shuf sleep sort split stat stty sum sync tac tail tar tee test
            timeout touch tr true truncate tsort tty umount uname unexpand uniq unlink unshare uptime wc which whoami
            xargs yes zcat""";

    private static final String PASSWD = """
            root:x:0:0:root:/root:/bin/sh
            nobody:x:65534:65534:nobody:/nonexistent:/bin/false
            """;
    private static final String GROUP = """
            root:x:0:
            tty:x:5:
            nogroup:x:65534:
            """;
    private static final String NSSWITCH = """
            passwd: files
            group: files
            hosts: files dns
            """;

    private final HostFiles host;
    private final SharedLibraries libraries;
    private final HostTree tree = new HostTree();
    private final Set<String> usedDirectories = new LinkedHashSet<>();
    private Optional<String> libc = Optional.empty();

    private HostImage(Path root) {
        this.host = new HostFiles(root);
        this.libraries = new SharedLibraries(host);
    }

    /**
     * Looks at the host's programs, without reading more of them than their headers.
     *
     * @throws UnsupportedHostException if there is no shell
     * @throws dev.cais.StorageException if a program cannot be read
     */
    public static HostImage ofThisHost() {
        return of(Path.of("/"), searchPath());
    }

    static HostImage of(Path root, String path) {
        var image = new HostImage(root);
        try {
            image.collect(path);
        } catch (IOException e) {
            throw IoFailure.of("cannot make image " + NAME, e);
        }
        return image;
    }

    private void collect(String path) throws IOException {
        var searched = new LinkedHashSet<>(SEARCHED_FIRST);
        for (var directory : path.split(":")) {
            if (directory.startsWith("/")) {
                searched.add(directory);
            }
        }
        if (!addProgram("sh", searched)) {
            throw new UnsupportedHostException(
                    "cannot make image " + NAME + ": this host has no shell that can be copied",
                    Map.of("searched", String.join(":", searched)),
                    "load an image from an archive");
        }
        for (var directory : List.of("/bin", "/sbin", "/lib", "/lib64")) { // links, where all is below /usr
            host.link(directory).ifPresent(target -> tree.link(directory, target));
        }
        var shell = host.find("/bin/sh"); // scripts ask for it by this name
        if (shell.isPresent()) {
            addWithNeeds(shell.get());
        }
        for (var program : PROGRAMS.split("\\s+")) {
            addProgram(program, searched);
        }
        addNameServices();
        for (var directory : List.of("/dev", "/etc", "/home", "/proc", "/run", "/sys", "/usr", "/var")) {
            tree.directory(directory, 0755);
        }
        tree.directory("/root", 0700);
        tree.directory("/tmp", 01777);
        tree.directory("/var/tmp", 01777);
        tree.file("/etc/passwd", PASSWD);
        tree.file("/etc/group", GROUP);
        tree.file("/etc/nsswitch.conf", NSSWITCH);
    }

    /** The first of that name that can be copied whole. */
    private boolean addProgram(String name, Set<String> searched) throws IOException {
        for (var directory : searched) {
            var program = host.find(directory + "/" + name);
            if (program.isPresent() && Files.isExecutable(program.get().file()) && addWithNeeds(program.get())) {
                usedDirectories.add(directory);
                return true;
            }
        }
        return false;
    }

    private boolean addWithNeeds(HostFiles.Found file) throws IOException {
        var elf = libraries.read(file.path());
        var needs = elf.isPresent() ? libraries.needs(file.path(), elf.get()) : Optional.of(Map.<String, String>of());
        if (needs.isEmpty() || (elf.isEmpty() && !isShellScript(file))) {
            return false;
        }
        tree.add(file);
        for (var need : needs.get().entrySet()) {
            host.find(need.getValue()).ifPresent(tree::add);
            if (need.getKey().startsWith("libc.")) {
                libc = Optional.of(HostFiles.parent(need.getValue()));
            }
        }
        needs.get().forEach(this::linkFromDefault);
        return true;
    }

    /** The image has no loader's cache: what lies where only ld.so.conf leads gets a link beside libc. */
    private void linkFromDefault(String name, String path) {
        if (libc.isPresent() && !name.startsWith("/") && libraries.isConfigured(HostFiles.parent(path))) {
            tree.link(libc.get() + "/" + name, path);
        }
    }

    private static boolean isShellScript(HostFiles.Found file) throws IOException {
        try (var content = Files.newInputStream(file.file())) {
            var first = new String(content.readNBytes(64), StandardCharsets.ISO_8859_1);
            return first.matches("(?s)#! ?/bin/sh[ \n].*");
        }
    }

    /** glibc loads these by name, so no header asks for them. */
    private void addNameServices() throws IOException {
        if (libc.isPresent()) {
            for (var name : List.of("libnss_files.so.2", "libnss_dns.so.2")) {
                var library = host.find(libc.get() + "/" + name);
                if (library.isPresent()) {
                    addWithNeeds(library.get());
                }
            }
        }
    }

    /**
     * What {@link #isCurrent} wants to know: the key, PATH, and the sizes and times of all that was looked at. A few hundred
     * lines.
     */
    public String stamp() {
        return key() + "\n" + searchPath() + "\n" + host.stamp();
    }

    /**
     * Whether {@link #ofThisHost()} would find the same again; far cheaper than to try.
     *
     * @param key of the image
     * @param stamp of the image, or of any other
     */
    public static boolean isCurrent(String key, String stamp) {
        var start = key + "\n" + searchPath() + "\n";
        return stamp.startsWith(start) && new HostFiles(Path.of("/")).isCurrent(stamp.substring(start.length()));
    }

    private static String searchPath() {
        return System.getenv().getOrDefault("PATH", "");
    }

    /** Changes when a program that is in the image, or would be, changes: path, size or modification time. 32 digits. */
    public String key() {
        var hash = Hash.of("sha256");
        hash.update((FORMAT + String.join(":", path())).getBytes(StandardCharsets.UTF_8));
        tree.hashInto(hash);
        return HexFormat.of().formatHex(hash.digest()).substring(0, 32);
    }

    private List<String> path() {
        var directories = new ArrayList<>(STANDARD_PATH);
        usedDirectories.stream()
                .filter(directory -> !STANDARD_PATH.contains(directory))
                .forEach(directories::add);
        return directories;
    }

    /** Writes the layer, as a plain tar. */
    public void writeLayer(OutputStream target) {
        try (var tar = new TarWriter(new BufferedOutputStream(new StaysOpen(target), BUFFER))) {
            tree.write(tar);
        } catch (IOException e) {
            throw IoFailure.of("cannot make image " + NAME, e);
        }
    }

    /** The image, once its layer is written; {@code layer} must stay as long as the result is in use. */
    public ArchivedImage image(Digest diffId, Path layer, ImageReference name) {
        var config = new LinkedHashMap<String, Object>();
        config.put("Env", List.of("PATH=" + String.join(":", path())));
        config.put("Cmd", List.of("sh"));
        config.put("Labels", Map.of(KEY_LABEL, key()));
        try {
            return ArchivedImage.ofOneLayer(
                    new ArchivedImage.Layer(diffId, Optional.empty(), ArchiveFile.of(layer)),
                    Platform.host(),
                    tree.newest(),
                    "",
                    config,
                    "made of this host's programs",
                    name);
        } catch (IOException e) {
            throw IoFailure.of("cannot make image " + NAME, e);
        }
    }

    /** The end of the tar is not the end of what is written to. */
    private static final class StaysOpen extends FilterOutputStream {
        StaysOpen(OutputStream target) {
            super(target);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }
}
