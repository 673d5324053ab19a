package dev.cais.image.host;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds libraries as the dynamic loader does: RPATH, RUNPATH, the directories that ld.so.conf or musl's path file name,
 * the default ones. Environment variables and the loader's cache are not looked at.
 *
 * @see <a href="https://man7.org/linux/man-pages/man8/ld.so.8.html">ld.so(8)</a>
 */
final class SharedLibraries {
    private final HostFiles host;
    private final List<String> configured;
    private final Set<String> defaults;
    private final Map<String, Optional<ElfFile>> files = new HashMap<>();

    SharedLibraries(HostFiles host) {
        this.host = host;
        this.defaults = defaults();
        this.configured = configured();
    }

    /** Where the loader looks without being told, on one distribution or another. */
    private Set<String> defaults() {
        var directories = new LinkedHashSet<>(List.of("/lib64", "/usr/lib64", "/lib", "/usr/lib"));
        for (var parent : List.of("/lib", "/usr/lib")) {
            list(parent, "*-linux-{gnu,musl}*").forEach(directories::add);
        }
        return directories;
    }

    private List<String> configured() {
        var lines = new ArrayList<String>();
        var files = new ArrayList<String>(list("/etc", "ld-musl-*.path"));
        files.add("/etc/ld.so.conf");
        files.addAll(list("/etc/ld.so.conf.d", "*.conf"));
        for (var file : files) {
            host.watch(file);
            lines.addAll(lines(host.host(file)));
        }
        return lines.stream()
                .flatMap(line -> List.of(line.split(":")).stream())
                .map(String::strip)
                .filter(line -> line.startsWith("/"))
                .toList();
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            return List.of(); // the loader would not mind, either
        }
    }

    private List<String> list(String directory, String glob) {
        var paths = new ArrayList<String>();
        host.watch(directory + "/");
        try (var entries = Files.newDirectoryStream(host.host(directory), glob)) {
            entries.forEach(entry -> paths.add(directory + "/" + entry.getFileName()));
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
        paths.sort(null);
        return paths;
    }

    /** Whether the loader looks here only because a configuration file says so. */
    boolean isConfigured(String directory) {
        return configured.contains(directory) && !defaults.contains(directory);
    }

    Optional<ElfFile> read(String path) {
        return files.computeIfAbsent(path, key -> {
            try {
                var found = host.find(key);
                return found.isPresent() ? ElfFile.read(found.get().file()) : Optional.empty();
            } catch (IOException | InvalidPathException e) {
                return Optional.empty(); // as good as not there
            }
        });
    }

    /**
     * All that a program needs, its interpreter first: paths by the name that was asked for.
     *
     * @param program where it really lies
     * @return empty if something is missing
     */
    Optional<Map<String, String>> needs(String program, ElfFile elf) {
        var found = new LinkedHashMap<String, String>();
        if (elf.interpreter().isPresent()) {
            var interpreter = elf.interpreter().get();
            if (!interpreter.startsWith("/") || read(interpreter).isEmpty()) {
                return Optional.empty();
            }
            found.put(interpreter, interpreter);
        }
        var todo = new ArrayDeque<Needing>();
        todo.add(new Needing(program, elf, List.of()));
        while (!todo.isEmpty()) {
            var needing = todo.remove();
            for (var name : needing.elf.needed()) {
                if (!found.containsKey(name)) {
                    var path = find(name, needing);
                    if (path.isEmpty()) {
                        return Optional.empty();
                    }
                    found.put(name, path.get());
                    todo.add(new Needing(path.get(), read(path.get()).orElseThrow(), needing.rpaths()));
                }
            }
        }
        return Optional.of(found);
    }

    /** @param inherited the RPATHs of those that asked for this one */
    private record Needing(String path, ElfFile elf, List<String> inherited) {
        List<String> rpaths() {
            if (!elf.runpath().isEmpty()) {
                return List.of();
            }
            var directories =
                    new ArrayList<>(elf.rpath().stream().map(this::expand).toList());
            directories.addAll(inherited);
            return directories;
        }

        String expand(String directory) {
            var origin = HostFiles.parent(path);
            return directory.replace("${ORIGIN}", origin).replace("$ORIGIN", origin);
        }
    }

    private Optional<String> find(String name, Needing needing) {
        if (name.startsWith("/")) {
            return read(name).map(elf -> name);
        }
        var directories = new ArrayList<>(needing.rpaths());
        needing.elf.runpath().stream().map(needing::expand).forEach(directories::add);
        directories.addAll(configured);
        directories.addAll(defaults);
        return directories.stream()
                .filter(directory -> directory.startsWith("/") && !directory.contains("$"))
                .map(directory -> directory + "/" + name)
                .filter(path -> isFor(needing.elf, path))
                .findFirst();
    }

    private boolean isFor(ElfFile needing, String path) {
        return read(path).filter(elf -> elf.abi().equals(needing.abi())).isPresent();
    }
}
