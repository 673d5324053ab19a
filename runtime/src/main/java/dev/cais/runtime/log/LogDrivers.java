package dev.cais.runtime.log;

import dev.cais.InvalidSpecException;
import dev.cais.LogDriver;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.TreeSet;

/** The drivers that send lines on: those of the engine's options before our own before those found as services. */
public final class LogDrivers {
    private final List<LogDriver> named;

    /** @param given by the engine's options */
    public LogDrivers(List<LogDriver> given) {
        named = new ArrayList<>(given);
        named.add(new SyslogDriver());
        named.add(new FluentdDriver());
    }

    LogDriver get(String name, String container) {
        for (var driver : named) {
            if (driver.name().equals(name)) {
                return driver;
            }
        }
        var known = new TreeSet<>(List.of("local", "json-file", "none"));
        named.forEach(driver -> known.add(driver.name()));
        for (var driver : ServiceLoader.load(LogDriver.class)) {
            if (driver.name().equals(name)) {
                return driver;
            }
            known.add(driver.name());
        }
        throw new InvalidSpecException(
                "cannot keep logs of " + container + ": there is no log driver " + name,
                "there are " + String.join(", ", known));
    }
}
