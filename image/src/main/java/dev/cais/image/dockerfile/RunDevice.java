package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * {@code RUN --device}: a device of the Container Device Interface.
 *
 * @param name {@code vendor.com/class=name}, {@code vendor.com/class=*} for all of that kind, or {@code vendor.com/class} for the first;
 *     or what BuildKit's annotation {@code org.mobyproject.buildkit.device.class} calls some
 * @param required whether the build fails on a host without it
 */
public record RunDevice(String name, boolean required) {
    private static final Set<String> OPTIONS = Set.of("name", "required");
    private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*"
            + "(=([*]|[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?))?" + "|[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?");

    public RunDevice {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidSpecException(
                    "--device is none: " + Shown.text(name),
                    "write vendor.com/class=name, vendor.com/class=*, vendor.com/class or a class by annotation");
        }
    }

    /** A name between commas with {@code required} or {@code required=true}; {@code name=} before it may be left out. */
    static RunDevice parse(String text) {
        var name = "";
        var required = false;
        for (var field : Flags.fields("--device", text)) {
            var equals = field.indexOf('=');
            var key = (equals < 0 ? field : field.substring(0, equals)).toLowerCase(Locale.ROOT);
            var value = equals < 0 ? "true" : field.substring(equals + 1);
            if (key.equals("required")) {
                required = Flags.parseBoolean("--device's required", value);
            } else if (name.isEmpty()) {
                name = key.equals("name") && equals >= 0 ? value : field;
            } else if (key.equals("name")) {
                throw new InvalidSpecException("--device has two names");
            } else {
                throw new InvalidSpecException(
                        "--device has no option " + Shown.text(key), Spelling.didYouMean(key, OPTIONS));
            }
        }
        return new RunDevice(name, required);
    }
}
