package dev.cais.runtime;

import dev.cais.UnsupportedHostException;
import dev.cais.runtime.launch.LaunchBuilder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A mount of overlayfs, to be made with the layers' directory as the working directory: layers have short names there, so that some 150 fit
 * into mount(2)'s 4096 bytes. More are given one by one, as Linux takes them since 6.8.
 *
 * @param directories in {@code layers} or anywhere, oldest first
 * @param layers the directory of most of them
 * @param options beside those directories, in order; without a value where it is empty
 * @see <a href="https://docs.kernel.org/filesystems/overlayfs.html#multiple-lower-layers">Linux, overlayfs, Multiple lower layers</a>
 */
record Overlay(List<Path> directories, Path layers, Map<String, String> options) {
    private static final String TYPE = "overlay";
    private static final int MOST = 500;
    private static final int LONGEST = 4095;

    Overlay {
        directories = List.copyOf(directories);
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    }

    /**
     * One that nobody writes to. What is written stands in the upper directory for itself, whatever this host's defaults are. A store belongs
     * to its user, and so do overlayfs's marks in it: those of attributes that any user may set rule out redirections by themselves.
     */
    static Overlay of(List<Path> directories, Path layers) {
        var options = new LinkedHashMap<String, String>();
        options.put(Host.effectiveUser() == 0 ? "redirect_dir" : "userxattr", Host.effectiveUser() == 0 ? "off" : "");
        options.put("metacopy", "off");
        options.put("index", "off");
        return new Overlay(directories, layers, options);
    }

    /** With a directory for what is written, which need not outlast a power cut. */
    Overlay writable(Path upper, Path work) {
        var more = new LinkedHashMap<>(options);
        more.put("volatile", "");
        more.put("upperdir", upper.toString());
        more.put("workdir", work.toString());
        return new Overlay(directories, layers, more);
    }

    /**
     * Mounts it.
     *
     * @param flags {@code MS_} flags, of those that the kernel calls {@code MOUNT_ATTR_}, too
     * @param of what it is, for messages: {@code of overlay on the container's root}
     * @throws UnsupportedHostException if there are more than 500 directories
     */
    void mount(LaunchBuilder program, Path target, int flags, String of, String help) {
        if (directories.size() > MOST) {
            throw new UnsupportedHostException(
                    "cannot mount " + directories.size() + " layers: overlayfs takes no more than " + MOST,
                    "make fewer: several commands in one RUN, several files in one COPY");
        }
        var text = text();
        if (text.getBytes(StandardCharsets.UTF_8).length <= LONGEST) {
            program.mount(TYPE, target.toString(), TYPE, flags, text).explain(of, help);
            return;
        }
        var context = program.fsopen(TYPE);
        for (var directory : newestFirst()) {
            program.fsconfig(TYPE, context, "lowerdir+", name(directory))
                    .explain(
                            "of " + directories.size() + " layers",
                            "Linux before 6.8 mounts some 150; make fewer layers, or take a newer kernel");
        }
        options.forEach((key, value) ->
                program.fsconfig(TYPE, context, key, value.startsWith("/") ? name(Path.of(value)) : value));
        program.fsconfig(TYPE, context).explain(of, help);
        program.attach(program.fsmount(TYPE, context, flags), target.toString());
    }

    private List<Path> newestFirst() {
        var reversed = new ArrayList<>(directories);
        Collections.reverse(reversed);
        return reversed;
    }

    /** As seen from the layers' directory: an option of its own has less room than all together. */
    private String name(Path directory) {
        return layers.relativize(directory).toString();
    }

    private String text() {
        return "lowerdir="
                + newestFirst().stream()
                        .map(each -> each.startsWith(layers) ? layers.relativize(each) : each)
                        .map(each -> escaped(each.toString()))
                        .collect(Collectors.joining(":"))
                + options.entrySet().stream()
                        .map(option -> "," + option.getKey()
                                + (option.getValue().isEmpty() ? "" : "=" + escaped(option.getValue())))
                        .collect(Collectors.joining());
    }

    /** As overlayfs reads a directory's name: a comma ends an option, a colon a name. */
    private static String escaped(String directory) {
        return directory.replaceAll("[\\\\,:]", "\\\\$0");
    }
}
