package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.HealthCheck;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a container's health is to be checked: what its spec says, or else its image, in which zeros stand for Docker's times.
 *
 * @param command with the image's shell, if it is a line for one
 * @see <a href="https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md">Docker image spec 1.3.1, Healthcheck</a>
 */
record HealthPlan(HealthCheck check, List<String> command) {
    private static final List<String> DEFAULT_SHELL = List.of("/bin/sh", "-c");

    /** Empty if nothing is to be checked. */
    static Optional<HealthPlan> of(ContainerSpec spec, ImageConfig image) {
        return spec.health()
                .or(() -> image.healthcheck().flatMap(stated -> ofImage(spec.image(), stated)))
                .filter(check -> check.form() != HealthCheck.Form.NONE)
                .map(check -> new HealthPlan(check, command(check, image)));
    }

    private static List<String> command(HealthCheck check, ImageConfig image) {
        if (check.form() == HealthCheck.Form.EXEC) {
            return check.command();
        }
        var command = new ArrayList<>(image.shell().isEmpty() ? DEFAULT_SHELL : image.shell());
        command.addAll(check.command());
        return command;
    }

    /** A test without words leaves it to a base image's, which has been put in by the build already. */
    private static Optional<HealthCheck> ofImage(String image, ImageConfig.Healthcheck stated) {
        var test = stated.test();
        if (test.isEmpty()) {
            return Optional.empty();
        }
        var rest = test.subList(1, test.size());
        var check = switch (test.get(0)) {
            case "NONE" -> HealthCheck.NONE;
            case "CMD" -> HealthCheck.exec(rest.toArray(String[]::new));
            case "CMD-SHELL" -> HealthCheck.shell(String.join(" ", rest));
            default ->
                throw new InvalidSpecException(
                        "cannot create a container of " + image
                                + ": its health check is neither NONE, CMD nor CMD-SHELL",
                        Map.of("test", test),
                        "add health(…) to the spec");
        };
        check = orDefault(stated.interval(), check, HealthCheck::interval);
        check = orDefault(stated.timeout(), check, HealthCheck::timeout);
        check = orDefault(stated.startPeriod(), check, HealthCheck::startPeriod);
        check = orDefault(stated.startInterval(), check, HealthCheck::startInterval);
        return Optional.of(stated.retries() > 0 ? check.retries(stated.retries()) : check);
    }

    private interface Time {
        HealthCheck set(HealthCheck check, Duration time);
    }

    private static HealthCheck orDefault(Duration stated, HealthCheck check, Time time) {
        return stated.isZero() ? check : time.set(check, stated);
    }
}
