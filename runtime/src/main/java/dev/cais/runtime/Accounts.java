package dev.cais.runtime;

import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.image.oci.Spelling;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The users and groups of a container's root file system, as its own {@code /etc/passwd} and {@code /etc/group} name them.
 *
 * <p>Lines that do not parse are passed over, as libc does.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/passwd.5.html">passwd(5)</a>
 * @see <a href="https://man7.org/linux/man-pages/man5/group.5.html">group(5)</a>
 */
record Accounts(List<User> users, List<Group> groups) {
    /** Most bytes of either file that are read. */
    static final int LARGEST_FILE = 16 << 20;

    record User(String name, int uid, int gid, String home) {}

    record Group(String name, int gid, List<String> members) {}

    /**
     * Who a process runs as.
     *
     * @param groups supplementary ones: the own, so that a file that the group may not read stays unreadable to a set-group-id
     *     program, then others in the file's order; none at all where they cannot be chosen
     */
    record Identity(int uid, int gid, List<Integer> groups, String home) {
        boolean isRoot() {
            return uid == 0;
        }
    }

    static Accounts parse(byte[] passwd, byte[] group) {
        var users = new ArrayList<User>();
        for (var line : lines(passwd)) {
            var fields = line.split(":", -1);
            if (fields.length >= 6) {
                var uid = number(fields[2]);
                var gid = number(fields[3]);
                if (uid.isPresent() && gid.isPresent()) {
                    users.add(new User(fields[0], uid.getAsInt(), gid.getAsInt(), fields[5]));
                }
            }
        }
        var groups = new ArrayList<Group>();
        for (var line : lines(group)) {
            var fields = line.split(":", -1);
            if (fields.length >= 4) {
                var gid = number(fields[2]);
                if (gid.isPresent()) {
                    groups.add(new Group(fields[0], gid.getAsInt(), List.of(fields[3].split(","))));
                }
            }
        }
        return new Accounts(users, groups);
    }

    private static List<String> lines(byte[] file) {
        return new String(file, StandardCharsets.UTF_8).lines().toList();
    }

    private static OptionalInt number(String text) {
        try {
            var value = Integer.parseInt(text);
            return value >= 0 ? OptionalInt.of(value) : OptionalInt.empty();
        } catch (NumberFormatException e) {
            return OptionalInt.empty();
        }
    }

    /**
     * Finds who {@code name|uid[:group|gid]} is, as Docker does: a name wins over a number; a number need not be in the file;
     * without a group it is the user's own and those that list the user, with one it is that alone.
     *
     * @param spec empty for root
     * @throws NotFoundException if a name is in neither file
     * @throws InvalidSpecException if a number is out of range
     */
    Identity identify(String spec) {
        return identify("cannot run as " + spec, spec);
    }

    /** @param cannot for messages, as in {@code cannot run as nobody} */
    Identity identify(String cannot, String spec) {
        var colon = spec.indexOf(':');
        var userPart = colon < 0 ? spec : spec.substring(0, colon);
        var groupPart = colon < 0 ? "" : spec.substring(colon + 1);
        var user = findUser(userPart.isEmpty() ? "0" : userPart);
        var uid = user.map(User::uid).orElseGet(() -> id("user", userPart, cannot));
        var home = user.map(User::home).filter(path -> !path.isEmpty()).orElse("/");
        if (!groupPart.isEmpty()) {
            var gid = findGroup(groupPart).map(Group::gid).orElseGet(() -> id("group", groupPart, cannot));
            return new Identity(uid, gid, List.of(gid), home);
        }
        var gid = user.map(User::gid).orElse(0);
        var supplementary = new LinkedHashSet<>(List.of(gid));
        user.ifPresent(known -> groups.stream()
                .filter(group -> group.members().contains(known.name()))
                .forEach(group -> supplementary.add(group.gid())));
        return new Identity(uid, gid, List.copyOf(supplementary), home);
    }

    /**
     * The same with more supplementary groups.
     *
     * @param more names of groups, or numbers, which need not be in the file
     * @throws NotFoundException if a name is not in it
     */
    Identity join(Identity identity, List<String> more) {
        if (more.isEmpty()) {
            return identity;
        }
        var all = new LinkedHashSet<>(identity.groups());
        for (var group : more) {
            all.add(findGroup(group)
                    .map(Group::gid)
                    .orElseGet(() -> id("group", group, "cannot run as a member of " + group)));
        }
        return new Identity(identity.uid(), identity.gid(), List.copyOf(all), identity.home());
    }

    private Optional<User> findUser(String nameOrId) {
        return users.stream()
                .filter(user -> user.name().equals(nameOrId))
                .findFirst()
                .or(() -> users.stream()
                        .filter(user -> Integer.toString(user.uid()).equals(nameOrId))
                        .findFirst());
    }

    private Optional<Group> findGroup(String nameOrId) {
        return groups.stream()
                .filter(group -> group.name().equals(nameOrId))
                .findFirst()
                .or(() -> groups.stream()
                        .filter(group -> Integer.toString(group.gid()).equals(nameOrId))
                        .findFirst());
    }

    private int id(String kind, String text, String cannot) {
        if (text.isEmpty()) {
            return 0;
        }
        if (text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return number(text)
                    .orElseThrow(() -> new InvalidSpecException(
                            cannot + ": " + kind + " id " + text + " is out of range",
                            "choose 0 to " + Integer.MAX_VALUE));
        }
        var isUser = kind.equals("user");
        var names = isUser
                ? users.stream().map(User::name).toList()
                : groups.stream().map(Group::name).toList();
        throw new NotFoundException(
                cannot + ": the image has no " + kind + " " + text,
                Map.of("file", isUser ? "/etc/passwd" : "/etc/group"),
                Spelling.nearest(text, names)
                        .map(near -> "did you mean " + near + "?")
                        .orElse("name one that it has, or a number"));
    }
}
