package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where a container's output is kept, as {@code --log-driver} and {@code --log-opt}.
 *
 * @param driver {@code local} unless said otherwise
 * @param options as the driver knows them: {@code max-size}, {@code max-file} …
 */
public record LogConfig(String driver, Map<String, String> options) {
    /** The compact format of Cais's own, on disk. */
    public static final LogConfig LOCAL = new LogConfig("local", Map.of());

    public LogConfig {
        if (driver.isEmpty()) {
            throw new InvalidSpecException("cannot keep logs: the driver's name is empty");
        }
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    }

    public static LogConfig of(String driver) {
        return new LogConfig(driver, Map.of());
    }

    public LogConfig option(String key, String value) {
        return new LogConfig(driver, Added.to(options, key, value));
    }
}
