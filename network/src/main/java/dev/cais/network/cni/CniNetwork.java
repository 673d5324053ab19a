package dev.cais.network.cni;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cais.EngineException;
import dev.cais.UnsupportedHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A network whose plugins are run for each container. Its methods wait for them, and may be called by several threads, for
 * different containers.
 *
 * @see <a href="https://github.com/containernetworking/cni/blob/v1.1.0/SPEC.md#section-3-execution-of-network-configurations">CNI
 *     1.0, section 3</a>
 */
public final class CniNetwork {
    /** Where Debian and the projects themselves put plugins. */
    public static final List<Path> DEFAULT_DIRECTORIES = List.of(Path.of("/opt/cni/bin"), Path.of("/usr/lib/cni"));

    private static final String PORT_MAPPINGS = "portMappings";

    private final CniConfiguration configuration;
    private final List<Path> directories;
    private final Duration limit;

    /**
     * @param directories of plugins; the first that has one counts
     * @param limit for each plugin, which is killed when it is over
     */
    public CniNetwork(CniConfiguration configuration, List<Path> directories, Duration limit) {
        this.configuration = configuration;
        this.directories = List.copyOf(directories);
        this.limit = limit;
    }

    public String name() {
        return configuration.name();
    }

    /** Whether one of its plugins publishes ports. */
    public boolean publishes() {
        return configuration.plugins().stream()
                .anyMatch(plugin -> plugin.capabilities().contains(PORT_MAPPINGS));
    }

    /**
     * Connects a container: {@code ADD} of each plugin, with what the one before has made. If one fails, all are asked to undo it.
     *
     * @throws UnsupportedHostException if a plugin is missing or fails
     * @throws dev.cais.TimedOutException if one takes too long
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public CniResult add(CniEndpoint endpoint) {
        var cannot = "cannot connect container " + endpoint.container() + " to network " + name() + ": ";
        var programs = programs(cannot);
        JsonNode made = null;
        try {
            for (var each : programs.entrySet()) {
                made = ask("ADD", each.getKey(), each.getValue(), endpoint, made, cannot);
            }
            return CniResult.of(made == null ? CniConfiguration.JSON.createObjectNode() : made);
        } catch (EngineException e) {
            var interrupted = Thread.interrupted(); // or the undoing would end at once
            try {
                delete(endpoint, Optional.empty());
            } catch (EngineException undoing) {
                e.addSuppressed(undoing);
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            throw e;
        }
    }

    /**
     * Asks whether all is still as it was made. Nothing is asked of a list that forbids it, or is older than {@code CHECK}.
     *
     * @throws UnsupportedHostException if it is not
     */
    public void check(CniEndpoint endpoint, CniResult made) {
        if (configuration.disableCheck() || configuration.version().startsWith("0.3.")) {
            return;
        }
        var cannot = "cannot find container " + endpoint.container() + " connected to network " + name() + ": ";
        programs(cannot)
                .forEach((plugin, program) -> ask("CHECK", plugin, program, endpoint, tree(made, cannot), cannot));
    }

    /**
     * Disconnects a container: {@code DEL} of each plugin, the last first, the others also if one fails. Repeating is harmless.
     *
     * @param made what {@link #add} gave; nothing if it is not known
     * @throws UnsupportedHostException if a plugin is missing or fails
     */
    public void delete(CniEndpoint endpoint, Optional<CniResult> made) {
        var cannot = "cannot disconnect container " + endpoint.container() + " from network " + name() + ": ";
        var backwards = new ArrayList<>(programs(cannot).entrySet());
        Collections.reverse(backwards);
        EngineException failure = null;
        for (var each : backwards) {
            try {
                var before = made.map(result -> tree(result, cannot)).orElse(null);
                ask("DEL", each.getKey(), each.getValue(), endpoint, before, cannot);
            } catch (EngineException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static JsonNode tree(CniResult result, String cannot) {
        try {
            return CniConfiguration.JSON.readTree(result.json());
        } catch (JsonProcessingException e) {
            throw new UnsupportedHostException(cannot + "its result is no JSON", Map.of(), "", e);
        }
    }

    private Map<CniConfiguration.Plugin, Path> programs(String cannot) {
        var programs = new LinkedHashMap<CniConfiguration.Plugin, Path>();
        for (var plugin : configuration.plugins()) {
            programs.put(
                    plugin,
                    directories.stream()
                            .map(directory -> directory.resolve(plugin.type()))
                            .filter(Files::isExecutable)
                            .findFirst()
                            .orElseThrow(() -> new UnsupportedHostException(
                                    cannot + "there is no CNI plugin " + plugin.type(),
                                    Map.of("directories", directories),
                                    "install it, as Debian's package containernetworking-plugins does")));
        }
        return programs;
    }

    private @Nullable JsonNode ask(
            String command,
            CniConfiguration.Plugin plugin,
            Path program,
            CniEndpoint endpoint,
            @Nullable JsonNode before,
            String cannot) {
        var environment = Map.of(
                "CNI_COMMAND",
                command,
                "CNI_CONTAINERID",
                endpoint.container(),
                "CNI_NETNS",
                endpoint.namespace().toString(),
                "CNI_IFNAME",
                endpoint.interfaceName(),
                "CNI_PATH",
                directories.stream().map(Path::toString).collect(Collectors.joining(":")));
        var problem = cannot + command + " of plugin " + plugin.type() + " ";
        return new CniProgram(program, environment, limit, problem).ask(question(plugin, endpoint, before, problem));
    }

    private byte[] question(
            CniConfiguration.Plugin plugin, CniEndpoint endpoint, @Nullable JsonNode before, String problem) {
        try {
            var question = (ObjectNode) CniConfiguration.JSON.readTree(plugin.json());
            question.put("cniVersion", configuration.version());
            question.put("name", name());
            question.remove("capabilities");
            if (plugin.capabilities().contains(PORT_MAPPINGS)) {
                var ports = question.withObject("/runtimeConfig").putArray("portMappings");
                for (var port : endpoint.ports()) {
                    var mapping = ports.addObject();
                    mapping.put("hostPort", port.hostPort());
                    mapping.put("containerPort", port.containerPort());
                    mapping.put("protocol", port.protocol());
                    if (!port.host().isEmpty()) {
                        mapping.put("hostIP", port.host());
                    }
                }
            }
            if (before != null) {
                question.set("prevResult", before);
            }
            return CniConfiguration.JSON.writeValueAsBytes(question);
        } catch (JsonProcessingException e) {
            throw new UnsupportedHostException(problem + "cannot be asked: " + e.getOriginalMessage(), Map.of(), "", e);
        }
    }
}
