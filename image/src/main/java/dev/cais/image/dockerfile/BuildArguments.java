package dev.cais.image.dockerfile;

import dev.cais.Platform;
import dev.cais.image.dockerfile.Instruction.Arg;
import dev.cais.image.dockerfile.Instruction.Argument;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What a build gives its Dockerfile.
 *
 * @param given by who asked for the build
 * @param global values of the arguments before the first stage, and those that each build has ({@code TARGETPLATFORM}); a stage sees
 *     one only if it declares it
 * @see <a href="https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope">Dockerfile reference, ARG</a>
 */
public record BuildArguments(Map<String, String> given, Map<String, String> global) {
    /** None at all. */
    public static final BuildArguments NONE = new BuildArguments(Map.of(), Map.of());

    private static final List<String> PROXIES =
            List.of("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY");

    public BuildArguments {
        given = GrowingMap.of(given);
        global = GrowingMap.of(global);
    }

    /**
     * Those before any that a Dockerfile declares.
     *
     * @param host that builds
     * @param target that is built for
     * @param stage that is built: see {@link Stage#name}; empty for {@code default}
     */
    public static BuildArguments of(Map<String, String> given, Platform host, Platform target, String stage) {
        var global = new LinkedHashMap<String, String>();
        putPlatform(global, "BUILD", host);
        putPlatform(global, "TARGET", target);
        global.put("TARGETSTAGE", stage.isEmpty() ? "default" : stage);
        global.replaceAll((name, value) -> given.getOrDefault(name, value));
        return new BuildArguments(given, global);
    }

    private static void putPlatform(Map<String, String> global, String which, Platform platform) {
        global.put(which + "PLATFORM", platform.toString());
        global.put(which + "OS", platform.os());
        global.put(which + "OSVERSION", "");
        global.put(which + "ARCH", platform.architecture());
        global.put(which + "VARIANT", platform.variant());
    }

    /**
     * With those that an instruction before the first stage declares.
     *
     * @throws dev.cais.InvalidSpecException with the reason alone
     */
    public BuildArguments declare(Arg arg) {
        var more = GrowingMap.of(global);
        for (var argument : arg.arguments()) {
            var value = valueOf(argument, more::find);
            if (value.isPresent()) {
                more = more.with(Map.of(argument.name(), value.get()));
            }
        }
        return new BuildArguments(given, more);
    }

    /** The value of a global argument, for the words of {@code FROM}. */
    public Optional<String> variable(String name) {
        return Optional.ofNullable(global.get(name));
    }

    /**
     * What an argument is where it is declared: what was given, else its default, else the global one.
     *
     * @param variables for the default
     * @throws dev.cais.InvalidSpecException with the reason alone
     */
    public Optional<String> valueOf(Argument argument, Function<String, Optional<String>> variables) {
        var name = argument.name();
        if (given.containsKey(name)) {
            return Optional.of(given.get(name));
        }
        return argument.value().map(word -> word.expand(variables)).or(() -> Optional.ofNullable(global.get(name)));
    }

    /**
     * Proxies that were given: programs see them without a declaration, in upper and lower case, and they count neither for the cache
     * nor in the history.
     */
    public Map<String, String> proxies() {
        var proxies = new LinkedHashMap<String, String>();
        for (var name : PROXIES) {
            var lower = name.toLowerCase(Locale.ROOT);
            var value = given.getOrDefault(name, given.get(lower));
            if (value != null) {
                proxies.put(name, value);
                proxies.put(lower, value);
            }
        }
        return proxies;
    }
}
