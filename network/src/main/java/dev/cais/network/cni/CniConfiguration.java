package dev.cais.network.cni;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A configuration list.
 *
 * @param version of the interface that its plugins are spoken to in
 * @param disableCheck whether {@code CHECK} is not to be asked
 * @param plugins in order; each has a {@code type}
 * @see <a href="https://github.com/containernetworking/cni/blob/v1.1.0/SPEC.md#section-1-network-configuration-format">CNI 1.0,
 *     section 1</a>
 */
public record CniConfiguration(String name, String version, boolean disableCheck, List<Plugin> plugins) {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final int LARGEST = 1 << 20;
    private static final int MOST_PLUGINS = 64;
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]*");
    private static final Set<String> VERSIONS = Set.of("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0");

    /**
     * One plugin.
     *
     * @param type the program's file name
     * @param capabilities that it wants to be told of
     * @param json all that the list says of it
     */
    public record Plugin(String type, Set<String> capabilities, String json) {
        public Plugin {
            capabilities = Set.copyOf(capabilities);
        }
    }

    public CniConfiguration {
        plugins = List.copyOf(plugins);
    }

    /**
     * Reads a {@code .conflist} file.
     *
     * @throws NotFoundException if there is no such file
     * @throws InvalidSpecException if it is no configuration list, or of a version that is not spoken here
     */
    public static CniConfiguration read(Path file) {
        var cannot = "cannot read the CNI configuration " + file + ": ";
        try {
            if (Files.size(file) > LARGEST) {
                throw new InvalidSpecException(cannot + "it is larger than " + LARGEST + " bytes");
            }
            return of(JSON.readTree(Files.readAllBytes(file)), cannot);
        } catch (NoSuchFileException e) {
            throw new NotFoundException(cannot + "there is no such file", Map.of(), "", e);
        } catch (JsonProcessingException e) {
            throw new InvalidSpecException(cannot + "it is no JSON: " + e.getOriginalMessage(), Map.of(), "", e);
        } catch (IOException e) {
            throw new StorageException(cannot + e, Map.of(), "", e);
        }
    }

    private static CniConfiguration of(JsonNode root, String cannot) {
        var name = root.path("name").asText();
        if (!NAME.matcher(name).matches()) {
            throw new InvalidSpecException(cannot + "its name '" + name + "' does not match " + NAME);
        }
        var version = root.path("cniVersion").asText("0.3.1");
        if (!VERSIONS.contains(version)) {
            throw new InvalidSpecException(
                    cannot + "version '" + version + "' of the interface is not spoken here",
                    "write one of " + VERSIONS.stream().sorted().toList());
        }
        var plugins = new ArrayList<Plugin>();
        for (var each : root.path("plugins")) {
            plugins.add(plugin(each, cannot));
        }
        if (plugins.isEmpty() || plugins.size() > MOST_PLUGINS) {
            throw new InvalidSpecException(
                    cannot + "it has " + plugins.size() + " plugins, and needs 1 to " + MOST_PLUGINS,
                    root.has("type") ? "put the plugin into a list: {\"plugins\": [{…}]}" : "");
        }
        return new CniConfiguration(name, version, root.path("disableCheck").asBoolean(), plugins);
    }

    private static Plugin plugin(@Nullable JsonNode node, String cannot) {
        if (!(node instanceof ObjectNode object)
                || !NAME.matcher(object.path("type").asText()).matches()) {
            throw new InvalidSpecException(cannot + "a plugin has no type that is a program's name");
        }
        var capabilities = new TreeSet<String>();
        object.path("capabilities").properties().forEach(each -> {
            if (each.getValue().asBoolean()) {
                capabilities.add(each.getKey());
            }
        });
        return new Plugin(object.path("type").asText(), capabilities, object.toString());
    }
}
