package dev.cais.runtime.cgroup;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One mounted tree of cgroups.
 *
 * @param mount where its top is seen
 * @param own this process's place in it, at or below the mount
 * @param unified v2's one tree; else one of v1's
 * @param controllers of v1 that live in it, or its name, as {@code name=systemd}; empty for v2
 * @param readOnly whether it is mounted so
 */
record Hierarchy(Path mount, Path own, boolean unified, Set<String> controllers, boolean readOnly) {
    /**
     * All that this process sees, in the order of the mount table; of one tree mounted twice the first that can be written.
     *
     * @param mountinfo content of /proc/self/mountinfo
     * @param membership content of /proc/self/cgroup
     * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html">proc_pid_mountinfo(5)</a>
     * @see <a href="https://man7.org/linux/man-pages/man7/cgroups.7.html">cgroups(7), /proc files</a>
     */
    static List<Hierarchy> parse(String mountinfo, String membership) {
        var places = places(membership);
        var found = new ArrayList<Hierarchy>();
        for (var line : mountinfo.split("\n", -1)) {
            var separator = line.indexOf(" - ");
            if (separator < 0) {
                continue;
            }
            var fields = line.substring(0, separator).split(" ", -1);
            var file = line.substring(separator + 3).split(" ", -1);
            if (fields.length < 6 || file.length < 3 || !file[0].equals("cgroup") && !file[0].equals("cgroup2")) {
                continue;
            }
            var unified = file[0].equals("cgroup2");
            // v1's options are its controllers, or name=…, and ro or rw and a few more, which are no keys of the
            // membership.
            var controllers = new LinkedHashSet<>(List.of(file[2].split(",", -1)));
            var readOnly = controllers.contains("ro")
                    || List.of(fields[5].split(",", -1)).contains("ro");
            controllers.retainAll(unified ? Set.of() : places.keySet());
            var place = places.get(controllers.stream().findFirst().orElse(unified ? "" : "none"));
            if (place != null) {
                var mount = Path.of(unescape(fields[4]));
                add(
                        found,
                        new Hierarchy(
                                mount,
                                own(mount, unescape(fields[3]), place),
                                unified,
                                Set.copyOf(controllers),
                                readOnly));
            }
        }
        return found;
    }

    private static void add(List<Hierarchy> found, Hierarchy more) {
        for (var index = 0; index < found.size(); index++) {
            var known = found.get(index);
            if (known.unified == more.unified && known.controllers.equals(more.controllers)) {
                if (known.readOnly && !more.readOnly) {
                    found.set(index, more);
                }
                return;
            }
        }
        found.add(more);
    }

    /** Place by controller, and by the empty name for v2. */
    private static Map<String, String> places(String membership) {
        var places = new HashMap<String, String>();
        for (var line : membership.split("\n", -1)) {
            var fields = line.split(":", 3);
            if (fields.length == 3) {
                for (var controller : fields[1].split(",", -1)) {
                    places.put(controller, fields[2]);
                }
            }
        }
        return places;
    }

    /** @param root the part of the tree that is mounted; as {@code /..} or one that we are not in, if it is another's */
    private static Path own(Path mount, String root, String place) {
        var below = Path.of(root).normalize();
        var path = Path.of(place).normalize();
        return path.startsWith(below) && !root.contains("..") && !place.contains("..")
                ? mount.resolve(below.relativize(path).toString()).normalize()
                : mount;
    }

    /** Blanks and such stand in mountinfo as a backslash and three octal digits. */
    private static String unescape(String field) {
        if (field.indexOf('\\') < 0) {
            return field;
        }
        var text = new StringBuilder();
        for (var at = 0; at < field.length(); at++) {
            if (field.charAt(at) == '\\' && field.substring(at).matches("\\\\[0-3][0-7]{2}.*")) {
                text.append((char) Integer.parseInt(field.substring(at + 1, at + 4), 8));
                at += 3;
            } else {
                text.append(field.charAt(at));
            }
        }
        return text.toString();
    }

    /** This process's place and all above it, nearest first. */
    List<Path> ownAndAbove() {
        var below = mount.relativize(own);
        var path = new ArrayList<>(List.of(mount));
        for (var depth = 1; !own.equals(mount) && depth <= below.getNameCount(); depth++) {
            path.add(0, mount.resolve(below.subpath(0, depth)));
        }
        return path;
    }
}
