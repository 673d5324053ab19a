package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.HealthCheck;
import dev.cais.ImageConfig;
import java.util.List;
import java.util.Optional;

/**
 * How a container's health is to be checked: as its spec says, or else its image.
 *
 * @param command with the image's shell, if it is a line for one
 */
record HealthPlan(HealthCheck check, List<String> command) {
    /** Empty if nothing is to be checked. */
    static Optional<HealthPlan> of(ContainerSpec spec, ImageConfig image) {
        return spec.health()
                .or(image::health)
                .filter(check -> check.form() != HealthCheck.Form.NONE)
                .map(check -> new HealthPlan(check, command(check, image)));
    }

    private static List<String> command(HealthCheck check, ImageConfig image) {
        return check.form() == HealthCheck.Form.EXEC
                ? check.command()
                : image.inShell(check.command().get(0));
    }
}
