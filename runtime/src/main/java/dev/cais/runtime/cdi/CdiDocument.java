package dev.cais.runtime.cdi;

import dev.cais.Device;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.Mount;
import dev.cais.Mount.Propagation;
import dev.cais.Warning;
import dev.cais.image.oci.Truth;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * One file of devices, in YAML 1.2 or JSON, which is a part of that.
 *
 * @param kind {@code vendor.com/class}
 * @param edits for each container that has any of the devices
 * @param devices by name
 */
record CdiDocument(Path file, String kind, CdiEdits edits, Map<String, CdiDevice> devices) {
    private static final int LARGEST = 1 << 20;
    private static final int MOST_ALIASES = 50;

    /** @throws InvalidSpecException if it is no such file */
    static CdiDocument read(Path file) {
        return new Reader(file).document();
    }

    /** Takes a file apart; everything is checked here. */
    private static final class Reader {
        private final Path file;

        Reader(Path file) {
            this.file = file;
        }

        CdiDocument document() {
            try {
                var root = map(load(), "the file");
                var devices = new LinkedHashMap<String, CdiDevice>();
                for (var each : list(root, "devices")) {
                    var device = map(each, "devices");
                    devices.put(
                            text(device, "name"),
                            new CdiDevice(
                                    edits(device),
                                    annotation(device, root, "class").orElse(""),
                                    annotation(device, root, "autoallow")
                                            .flatMap(Truth::parse)
                                            .orElse(false)));
                }
                return new CdiDocument(file, text(root, "kind"), edits(root), devices);
            } catch (YamlEngineException | IOException e) {
                throw invalid(String.valueOf(e.getMessage()).lines().findFirst().orElse(""), e);
            }
        }

        private @Nullable Object load() throws IOException {
            if (Files.size(file) > LARGEST) {
                throw invalid("it is larger than " + LARGEST + " bytes", null);
            }
            var settings = LoadSettings.builder()
                    .setMaxAliasesForCollections(MOST_ALIASES)
                    .setCodePointLimit(LARGEST)
                    .build();
            return new Load(settings).loadFromString(Files.readString(file));
        }

        /** One of BuildKit's; the device's own counts more than the file's. */
        private Optional<String> annotation(Map<?, ?> device, Map<?, ?> root, String name) {
            var key = "org.mobyproject.buildkit.device." + name;
            for (var holder : List.of(device, root)) {
                if (holder.get("annotations") != null) {
                    var found = optional(map(holder.get("annotations"), "annotations"), key);
                    if (found.isPresent()) {
                        return found;
                    }
                }
            }
            return Optional.empty();
        }

        private CdiEdits edits(Map<?, ?> holder) {
            var edits = holder.get("containerEdits") == null ? Map.of() : map(holder.get("containerEdits"), "edits");
            var env = new LinkedHashMap<String, String>();
            for (var each : list(edits, "env")) {
                var variable = String.valueOf(each);
                var equals = variable.indexOf('=');
                if (equals <= 0) {
                    throw invalid("its variable '" + variable + "' is no NAME=value", null);
                }
                env.put(variable.substring(0, equals), variable.substring(equals + 1));
            }
            var devices = new ArrayList<Device>();
            list(edits, "deviceNodes").forEach(each -> devices.add(device(map(each, "deviceNodes"))));
            var mounts = new ArrayList<Mount.OfBind>();
            list(edits, "mounts").forEach(each -> mounts.add(mount(map(each, "mounts"))));
            var groups = list(edits, "additionalGids").stream()
                    .map(String::valueOf)
                    .filter(group -> !group.equals("0")) // the specification has 0 ignored
                    .toList();
            return new CdiEdits(env, devices, mounts, groups, unable(edits));
        }

        private Device device(Map<?, ?> node) {
            var path = text(node, "path");
            var host = optional(node, "hostPath").orElse(path);
            return checked(
                    () -> new Device(host, path, optional(node, "permissions").orElse("rwm")));
        }

        private Mount.OfBind mount(Map<?, ?> mount) {
            var type = optional(mount, "type").orElse("bind");
            if (!List.of("bind", "none", "").contains(type)) {
                throw invalid("it mounts a file system of type " + type + ", and only binds are known", null);
            }
            var options = list(mount, "options").stream().map(String::valueOf).toList();
            var propagation = options.contains("rshared") || options.contains("shared")
                    ? Propagation.SHARED
                    : options.contains("rslave") || options.contains("slave") ? Propagation.SLAVE : Propagation.PRIVATE;
            return checked(() -> Mount.bind(Path.of(text(mount, "hostPath")), text(mount, "containerPath"))
                    .readOnly(options.contains("ro"))
                    .propagation(propagation));
        }

        private List<Warning> unable(Map<?, ?> edits) {
            var unable = new ArrayList<Warning>();
            for (var each : list(edits, "hooks")) {
                var hook = map(each, "hooks");
                unable.add(new Warning(
                        "CDI hook " + text(hook, "hookName") + " " + text(hook, "path"),
                        "programs of the host are not run in containers"));
            }
            if (edits.get("intelRdt") != null) {
                unable.add(new Warning("Intel RDT for a CDI device", "this engine does not know it"));
            }
            for (var each : list(edits, "netDevices")) {
                unable.add(new Warning(
                        "CDI network device " + text(map(each, "netDevices"), "hostInterfaceName"),
                        "interfaces of the host are not moved into containers"));
            }
            return unable;
        }

        private interface Made<T> {
            T make();
        }

        private <T> T checked(Made<T> made) {
            try {
                return made.make();
            } catch (EngineException | IllegalArgumentException e) {
                throw invalid(String.valueOf(e.getMessage()), e);
            }
        }

        private Map<?, ?> map(@Nullable Object node, String what) {
            if (node instanceof Map<?, ?> map) {
                return map;
            }
            throw invalid(what + " is no mapping", null);
        }

        private List<?> list(Map<?, ?> map, String key) {
            var node = map.get(key);
            if (node == null) {
                return List.of();
            }
            if (node instanceof List<?> list) {
                return list;
            }
            throw invalid(key + " is no list", null);
        }

        private String text(Map<?, ?> map, String key) {
            return optional(map, key).orElseThrow(() -> invalid(key + " is missing", null));
        }

        private static Optional<String> optional(Map<?, ?> map, String key) {
            return Optional.ofNullable(map.get(key)).map(String::valueOf);
        }

        private InvalidSpecException invalid(String why, @Nullable Exception cause) {
            return new InvalidSpecException("cannot read CDI devices from " + file + ": " + why, Map.of(), "", cause);
        }
    }
}
