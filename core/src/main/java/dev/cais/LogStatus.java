package dev.cais;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How a container's log fares.
 *
 * @param driver as its spec names it
 * @param file the newest file of what is kept; there once something was written; empty if nothing is kept
 * @param stdout bytes written to stdout so far
 * @param stderr bytes written to stderr so far
 * @param lost bytes that could not be kept since the disk took no more
 * @param delivered lines that the driver has sent on
 * @param failed lines that it refused
 * @param missed bytes that were rotated away before it could send them
 * @param problem what stands in the way now; empty if nothing does
 */
public record LogStatus(
        String driver,
        Optional<Path> file,
        long stdout,
        long stderr,
        long lost,
        long delivered,
        long failed,
        long missed,
        String problem) {}
