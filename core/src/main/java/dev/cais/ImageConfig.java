package dev.cais;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an image says about the containers made from it.
 *
 * @param created when the image was made
 * @param author or empty
 * @param env in order, {@code NAME=value}
 * @param user {@code name|uid[:group|gid]}, or empty for root
 * @param workdir or empty for {@code /}
 * @param stopSignal or empty for {@code SIGTERM}
 * @param exposedPorts as {@code 80/tcp}
 * @param volumes paths
 * @param labels by key, in the image's order
 * @param shell for the shell form, or empty
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md">OCI image spec 1.1.1, Image
 *     Configuration</a>
 */
public record ImageConfig(
        Optional<Instant> created,
        String author,
        List<String> entrypoint,
        List<String> command,
        List<String> env,
        String user,
        String workdir,
        String stopSignal,
        List<String> exposedPorts,
        List<String> volumes,
        Map<String, String> labels,
        List<String> shell,
        Optional<Healthcheck> healthcheck) {
    public ImageConfig {
        entrypoint = List.copyOf(entrypoint);
        command = List.copyOf(command);
        env = List.copyOf(env);
        exposedPorts = List.copyOf(exposedPorts);
        volumes = List.copyOf(volumes);
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        shell = List.copyOf(shell);
    }

    /**
     * How an image wants its containers probed. Zero durations and retries stand for the engine's defaults.
     *
     * @param test as Docker writes it: {@code [CMD, …]}, {@code [CMD-SHELL, text]} or {@code [NONE]}
     */
    public record Healthcheck(
            List<String> test,
            Duration interval,
            Duration timeout,
            Duration startPeriod,
            Duration startInterval,
            int retries) {
        public Healthcheck {
            test = List.copyOf(test);
        }
    }
}
