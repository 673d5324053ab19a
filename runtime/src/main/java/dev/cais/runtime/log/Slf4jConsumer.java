package dev.cais.runtime.log;

import dev.cais.LogLine;
import dev.cais.LogStream;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/**
 * Writes a container's lines to a logger: {@code web.logs().forward(Slf4jConsumer.of(logger).prefix("web: "))}.
 *
 * @param prefix before each line
 */
public record Slf4jConsumer(Logger logger, Level stdout, Level stderr, String prefix) implements Consumer<LogLine> {
    /** Stdout at level INFO, stderr at WARN. */
    public static Slf4jConsumer of(Logger logger) {
        return new Slf4jConsumer(logger, Level.INFO, Level.WARN, "");
    }

    public Slf4jConsumer level(LogStream stream, Level level) {
        return stream == LogStream.STDOUT
                ? new Slf4jConsumer(logger, level, stderr, prefix)
                : new Slf4jConsumer(logger, stdout, level, prefix);
    }

    public Slf4jConsumer prefix(String changed) {
        return new Slf4jConsumer(logger, stdout, stderr, changed);
    }

    @Override
    public void accept(LogLine line) {
        logger.atLevel(line.stream() == LogStream.STDOUT ? stdout : stderr).log("{}{}", prefix, line.text());
    }
}
