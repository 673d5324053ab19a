package dev.cais;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a {@link BuildRun} sees in its file system besides that of its stage. Targets that are not absolute are below the working
 * directory. The methods return changed copies.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/#run---mount">Dockerfile reference, RUN --mount</a>
 */
public sealed interface BuildMount {
    String target();

    /** Files of the build's own context. */
    static Bind bind(String source, String target) {
        return bind(BuildOrigin.CONTEXT, source, target);
    }

    /** Files of a stage, an image or a context. */
    static Bind bind(BuildOrigin from, String source, String target) {
        return new Bind(from, source, target, true);
    }

    /** A directory that outlives the build, known by its target. */
    static Cache cache(String target) {
        return new Cache(target, target, Sharing.SHARED, OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());
    }

    static Tmpfs tmpfs(String target) {
        return new Tmpfs(target, Optional.empty());
    }

    /** A secret of the build, as a file. */
    static Secret secret(String id, String target) {
        return new Secret(id, target, "", OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());
    }

    /** A secret of the build, as an environment variable. */
    static Secret secretVariable(String id, String variable) {
        return new Secret(id, "", variable, OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());
    }

    /** The ssh agent of the build that is called {@code default}. */
    static Ssh ssh() {
        return new Ssh("default", "", OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());
    }

    /** @see #bind(BuildOrigin, String, String) */
    record Bind(BuildOrigin from, String source, String target, boolean readOnly) implements BuildMount {
        public Bind {
            requireTexts("bind", source, target);
        }

        /** What is written goes away with the step. */
        public Bind writable() {
            return new Bind(from, source, target, false);
        }
    }

    /**
     * @param id what names it from build to build
     * @param mode permission bits of a new one; 0755 unless it is given
     * @param uid owner of a new one; 0 unless it is given
     * @param gid likewise
     * @see #cache
     */
    record Cache(String id, String target, Sharing sharing, OptionalInt mode, OptionalInt uid, OptionalInt gid)
            implements BuildMount {
        public Cache {
            requireTexts("cache", id, target);
            requireNumbers("cache", mode, uid, gid);
        }

        public Cache id(String changed) {
            return new Cache(changed, target, sharing, mode, uid, gid);
        }

        public Cache sharing(Sharing changed) {
            return new Cache(id, target, changed, mode, uid, gid);
        }

        /** @param bits as in {@code 0755} */
        public Cache mode(int bits) {
            return new Cache(id, target, sharing, OptionalInt.of(bits), uid, gid);
        }

        public Cache owner(int user, int group) {
            return new Cache(id, target, sharing, mode, OptionalInt.of(user), OptionalInt.of(group));
        }
    }

    /** Who uses a cache at the same time. */
    enum Sharing {
        SHARED,
        /** Each of several has one of its own. */
        PRIVATE,
        /** One waits for the other. */
        LOCKED
    }

    /** @see #tmpfs */
    record Tmpfs(String target, Optional<ByteSize> size) implements BuildMount {
        public Tmpfs {
            requireTexts("tmpfs", target);
        }

        public Tmpfs size(ByteSize most) {
            return new Tmpfs(target, Optional.of(most));
        }
    }

    /**
     * The build fails without it.
     *
     * @param target of the file, empty if there is none
     * @param variable empty if there is none
     * @param mode permission bits of the file; 0400 unless it is given
     * @param uid owner; 0 unless it is given
     * @param gid likewise
     * @see #secret
     */
    record Secret(String id, String target, String variable, OptionalInt mode, OptionalInt uid, OptionalInt gid)
            implements BuildMount {
        public Secret {
            requireTexts("secret", id, target + variable);
            requireNumbers("secret", mode, uid, gid);
        }

        /** As a variable, too. */
        public Secret variable(String name) {
            return new Secret(id, target, name, mode, uid, gid);
        }

        /** @param bits as in {@code 0400} */
        public Secret mode(int bits) {
            return new Secret(id, target, variable, OptionalInt.of(bits), uid, gid);
        }

        public Secret owner(int user, int group) {
            return new Secret(id, target, variable, mode, OptionalInt.of(user), OptionalInt.of(group));
        }
    }

    /**
     * A socket of an agent, which {@code SSH_AUTH_SOCK} names. The build fails without the agent.
     *
     * @param target of the socket; empty for one that programs need not know
     * @param mode permission bits of the socket; 0600 unless it is given
     * @param uid owner; 0 unless it is given
     * @param gid likewise
     * @see #ssh
     */
    record Ssh(String id, String target, OptionalInt mode, OptionalInt uid, OptionalInt gid) implements BuildMount {
        public Ssh {
            requireTexts("ssh", id, "-" + target);
            requireNumbers("ssh", mode, uid, gid);
        }

        public Ssh id(String changed) {
            return new Ssh(changed, target, mode, uid, gid);
        }

        public Ssh target(String changed) {
            return new Ssh(id, changed, mode, uid, gid);
        }

        /** @param bits as in {@code 0600} */
        public Ssh mode(int bits) {
            return new Ssh(id, target, OptionalInt.of(bits), uid, gid);
        }

        public Ssh owner(int user, int group) {
            return new Ssh(id, target, mode, OptionalInt.of(user), OptionalInt.of(group));
        }
    }

    private static void requireTexts(String kind, String... texts) {
        for (var text : texts) {
            if (text.isEmpty() || text.indexOf('\0') >= 0) {
                throw new InvalidSpecException(
                        "cannot build with a mount of type " + kind + ": a name or a path is empty or has a NUL");
            }
        }
    }

    private static void requireNumbers(String kind, OptionalInt mode, OptionalInt uid, OptionalInt gid) {
        if (mode.orElse(0) < 0 || mode.orElse(0) > 07777 || uid.orElse(0) < 0 || gid.orElse(0) < 0) {
            throw new InvalidSpecException("cannot build with a mount of type " + kind
                    + ": a mode has twelve bits, 0 to 07777, and an owner is no negative number");
        }
    }
}
