package dev.cais.runtime.cdi;

import dev.cais.ContainerSpec;
import dev.cais.InvalidSpecException;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.UnsupportedHostException;
import dev.cais.Warning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/** The devices of this host that vendors describe. They are looked up anew each time, since cards and drivers come and go. */
public final class CdiDevices {
    private static final int MOST_FILES = 1000;

    private final List<Path> directories;
    private final boolean strict;

    /**
     * @param directories those that are missing have nothing
     * @param strict whether what this engine cannot do for a device is an error
     */
    public CdiDevices(List<Path> directories, boolean strict) {
        this.directories = List.copyOf(directories);
        this.strict = strict;
    }

    /**
     * A spec with what its devices bring.
     *
     * @param unable what its container has to do without
     */
    public record Added(ContainerSpec spec, List<Warning> unable) {
        public Added {
            unable = List.copyOf(unable);
        }
    }

    /**
     * Adds what the devices of a spec bring, those of one file once.
     *
     * @param cannot as in {@code cannot create container web}
     * @throws NotFoundException if the host has no such device
     * @throws InvalidSpecException if two files of one directory have it
     * @throws UnsupportedHostException if this engine cannot do all for it, and is strict
     */
    public Added addTo(ContainerSpec spec, String cannot) {
        var names = spec.security().cdiDevices();
        if (names.isEmpty()) {
            return new Added(spec, List.of());
        }
        var search = new Search(cannot);
        directories.forEach(search::read);
        Set<CdiEdits> edits = new LinkedHashSet<>();
        for (var name : names) {
            var document = search.documentOf(name);
            edits.add(document.edits());
            edits.add(deviceOf(document, name).edits());
        }
        var changed = spec;
        var unable = new LinkedHashSet<Warning>();
        for (var each : edits) {
            changed = each.addTo(changed);
            unable.addAll(each.unable());
        }
        if (strict && !unable.isEmpty()) {
            var first = unable.iterator().next();
            throw new UnsupportedHostException(
                    cannot + ": it cannot set " + first.what() + ": " + first.why(), "allow it by strictLimits(false)");
        }
        return new Added(changed, List.copyOf(unable));
    }

    /**
     * A device of this host.
     *
     * @param name {@code vendor.com/class=name}
     * @param allowed whether its file lets every Dockerfile use it
     */
    public record Found(String name, boolean allowed) {}

    /**
     * The devices that a name stands for: of one, of a kind its first, with {@code =*} all of it; and those that BuildKit's annotation puts
     * into a class of that name. Perhaps none.
     *
     * @param cannot as in {@code cannot carry out a step}
     */
    public List<Found> find(String name, String cannot) {
        var search = new Search(cannot);
        directories.forEach(search::read);
        return names(name, search).stream()
                .map(each -> new Found(each, search.deviceOf(each).allowed()))
                .toList();
    }

    private static List<String> names(String name, Search search) {
        if (name.indexOf('/') < 0) {
            return search.names()
                    .filter(each -> search.deviceOf(each).group().equals(name))
                    .toList();
        }
        if (name.endsWith("=*")) {
            return search.names()
                    .filter(each -> kindOf(each).equals(kindOf(name)))
                    .toList();
        }
        return name.indexOf('=') < 0
                ? search.names()
                        .filter(each -> kindOf(each).equals(name))
                        .limit(1)
                        .toList()
                : search.names().filter(name::equals).toList();
    }

    /** Where containers with a device have files of the host. */
    public List<String> mountPoints(String device, String cannot) {
        return addTo(ContainerSpec.of("scratch").cdiDevice(device), cannot).spec().mounts().stream()
                .map(Mount::target)
                .toList();
    }

    private static CdiDevice deviceOf(CdiDocument document, String device) {
        return Objects.requireNonNull(document.devices().get(nameIn(device)));
    }

    private static String kindOf(String device) {
        return device.substring(0, device.indexOf('='));
    }

    private static String nameIn(String device) {
        return device.substring(device.indexOf('=') + 1);
    }

    /** One look through the directories. */
    private static final class Search {
        private final String cannot;
        private final Map<String, CdiDocument> byDevice = new LinkedHashMap<>();
        private final List<String> unreadable = new ArrayList<>();

        Search(String cannot) {
            this.cannot = cannot;
        }

        void read(Path directory) {
            var here = new LinkedHashMap<String, CdiDocument>();
            var twice = new LinkedHashSet<String>();
            for (var file : files(directory)) {
                try {
                    var document = CdiDocument.read(file);
                    for (var name : document.devices().keySet()) {
                        var device = document.kind() + "=" + name;
                        if (here.putIfAbsent(device, document) != null) {
                            twice.add(device);
                        }
                    }
                } catch (InvalidSpecException e) {
                    unreadable.add(String.valueOf(e.getMessage())); // one vendor's fault is not the others'
                }
            }
            here.keySet().removeAll(twice);
            byDevice.putAll(here);
            for (var device : twice) {
                byDevice.remove(device);
                unreadable.add("two files in " + directory + " have device " + device);
            }
        }

        private List<Path> files(Path directory) {
            if (!Files.isDirectory(directory)) {
                return List.of();
            }
            try (var all = Files.list(directory)) {
                return all.filter(file -> file.toString().endsWith(".json")
                                || file.toString().endsWith(".yaml"))
                        .sorted()
                        .limit(MOST_FILES)
                        .toList();
            } catch (IOException e) {
                throw new StorageException(
                        cannot + ": it cannot read CDI devices in " + directory + ": " + e, Map.of(), "", e);
            }
        }

        Stream<String> names() {
            return byDevice.keySet().stream().sorted();
        }

        CdiDevice deviceOf(String device) {
            return CdiDevices.deviceOf(documentOf(device), device);
        }

        CdiDocument documentOf(String device) {
            var document = byDevice.get(device);
            if (document == null) {
                throw new NotFoundException(
                        cannot + ": no file of this host describes CDI device " + device,
                        unreadable.isEmpty() ? Map.of() : Map.of("unreadable", unreadable),
                        byDevice.isEmpty() ? "" : "it has " + String.join(", ", byDevice.keySet()));
            }
            return document;
        }
    }
}
