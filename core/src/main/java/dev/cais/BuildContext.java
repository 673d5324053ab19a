package dev.cais;

import java.io.InputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where a build takes files from. A directory is read where it is; the others are brought to the store for the build, and go with it.
 *
 * @see <a href="https://docs.docker.com/build/concepts/context/">Build context</a>
 */
public sealed interface BuildContext {
    /**
     * What {@code docker build} and {@code --build-context} call it: a directory, {@code -} for a tar or a Dockerfile on this JVM's stdin, an
     * address of {@link #git git}, an address of the {@link #web web}, {@code docker-image://name}, {@code oci-layout://path:name} or {@code
     * oci-layout://path@digest}. What is a directory of the host is that, whatever else it looks like.
     *
     * @throws InvalidSpecException if it is none of these
     */
    static BuildContext parse(String text) {
        return ContextWords.parse(text);
    }

    /** A directory of the host. */
    static BuildContext directory(Path path) {
        return new Directory(path);
    }

    /**
     * A tar stream; or a text, which is the Dockerfile then, and there is nothing else.
     *
     * @param archive plain, or compressed by gzip, zstd, bzip2 or xz. It is read once, by the first build, and not closed
     */
    static BuildContext tar(InputStream archive) {
        return new Tar(archive);
    }

    /**
     * Files that a Java program gives: texts, resources of its class path, what it has made itself.
     *
     * <pre>{@code
     * BuildContext.files(files -> files.file("/Dockerfile", text).file("/app.jar", () -> Main.class.getResourceAsStream("/app.jar"), 0644))
     * }</pre>
     *
     * @param adding gives them to an empty layer, whose root is that of the context
     */
    static BuildContext files(UnaryOperator<BuildLayer> adding) {
        return new Given(adding.apply(BuildLayer.EMPTY));
    }

    /**
     * The same of a server. Under a name of its own, what is no archive is a file {@code context}.
     *
     * @param address of http or https. Redirects may lead further away from this host, not nearer to it
     * @throws InvalidSpecException if it is none
     */
    static BuildContext web(String address) {
        return new Web(ContextWords.webAddress(address));
    }

    /**
     * The files and the configuration of an image, which is pulled if the store has none of that name.
     *
     * @param name as in {@code busybox} or {@code ghcr.io/a/b@sha256:4f5a1c…}
     */
    static BuildContext image(String name) {
        return new OfImage(name);
    }

    /**
     * The same of an image in an OCI layout.
     *
     * @param layout a directory or a tar
     * @param reference digest of an entry of its {@code index.json}, or its name there; empty if there is but one
     */
    static BuildContext layout(Path layout, String reference) {
        return new Layout(layout, reference);
    }

    /**
     * What git has, fetched by the host's {@code git}.
     *
     * @param address as in {@code https://host/a/b.git#ref:directory}, {@code git://…}, {@code ssh://…}, {@code git@host:a/b.git},
     *     {@code github.com/a/b} or {@code file:///srv/b.git}; without a ref, of what the repository's {@code HEAD} is. In place of the
     *     fragment or beside it {@code ?ref=…&tag=…&branch=…&subdir=…}, and {@code &checksum=} of the commit or its beginning, {@code
     *     &keep-git-dir=true}, {@code &submodules=false}, {@code &mtime=checkout}, {@code &fetch-by-commit=true}
     * @throws InvalidSpecException if it is none
     */
    static BuildContext git(String address) {
        return Git.parse(address);
    }

    /** No files at all: for a Dockerfile that is given as text. */
    static BuildContext empty() {
        return new Empty();
    }

    /** @param path absolute */
    record Directory(Path path) implements BuildContext {
        public Directory {
            path = path.toAbsolutePath().normalize();
        }

        @Override
        public String toString() {
            return path.toString();
        }
    }

    /** @see #tar(InputStream) */
    record Tar(InputStream archive) implements BuildContext {
        @Override
        public String toString() {
            return "a tar stream";
        }
    }

    /** @see #files(UnaryOperator) */
    record Given(BuildLayer files) implements BuildContext {
        @Override
        public String toString() {
            return "files of this program";
        }
    }

    /** @see #web(String) */
    record Web(URI url) implements BuildContext {
        /** Without a password. */
        @Override
        public String toString() {
            var user = url.getRawUserInfo();
            return user == null ? url.toString() : url.toString().replaceFirst(Pattern.quote(user), "…");
        }
    }

    /** @see #image(String) */
    record OfImage(String name) implements BuildContext {
        @Override
        public String toString() {
            return "docker-image://" + name;
        }
    }

    /**
     * See {@link #layout(Path, String)}.
     *
     * @param layout absolute
     */
    record Layout(Path layout, String reference) implements BuildContext {
        public Layout {
            layout = layout.toAbsolutePath().normalize();
        }

        @Override
        public String toString() {
            var isDigest = reference.indexOf(':') > 0;
            return "oci-layout://" + layout + (reference.isEmpty() ? "" : (isDigest ? "@" : ":") + reference);
        }
    }

    /**
     * See {@link #git(String)}.
     *
     * @param repository as git takes it
     * @param ref branch, tag or commit; empty for {@code HEAD}
     * @param subdirectory that is the context; empty for all
     * @param checksum of the commit, or its beginning; empty for any
     * @param keepsData whether {@code .git} is wanted, too; if it is not said, the build's argument {@code BUILDKIT_CONTEXT_KEEP_GIT_DIR}
     *     does, or the option of {@code ADD}
     * @param submodules whether those are fetched
     * @param commitTime whether files have the time of the commit, and not that of their checkout
     * @param byCommit whether the commit of the checksum, which is whole then, is fetched wherever the ref may have gone since
     */
    record Git(
            String repository,
            String ref,
            String subdirectory,
            String checksum,
            Optional<Boolean> keepsData,
            boolean submodules,
            boolean commitTime,
            boolean byCommit)
            implements BuildContext {
        private static final String HOST = "[A-Za-z0-9][A-Za-z0-9.-]*";
        private static final String USER = "[^-/@][^/@]*@";
        private static final Pattern URL = Pattern.compile(
                "(?:https?|git|ssh)://(?:" + USER + ")?(" + HOST + "|\\[[0-9A-Fa-f:.]+])(?::[0-9]{1,5})?/.*");
        private static final Pattern AUTHORITY = Pattern.compile("[a-z]+://(?:" + USER + ")?([^/]*)/.*");
        private static final Pattern WEB_CREDENTIALS = Pattern.compile("(https?://)([^/@]*)@([^/]*/.*)");
        private static final Pattern FILE = Pattern.compile("file:///.*");
        private static final Pattern SCP = Pattern.compile("[A-Za-z0-9._][A-Za-z0-9._-]*@(" + HOST + "):[^-].*");
        private static final Pattern WEB_REPOSITORY = Pattern.compile("https?://[^#?]*\\.git([?#].*)?");
        private static final Pattern CHECKSUM = Pattern.compile("[0-9a-f]{0,64}");
        private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");
        private static final Pattern NO_REF = Pattern.compile("-.*|.*(\\.\\.|[\\x00- \\x7f~^:?*\\[\\\\]).*");

        public Git {
            if (repository.chars().anyMatch(c -> c <= ' ' || c == 0x7f)
                    || Stream.of(URL, SCP, FILE)
                            .noneMatch(form -> form.matcher(repository).matches())) {
                throw new InvalidSpecException("cannot use git repository " + shown(repository)
                        + ": it is no address of http, https, git, ssh or file");
            }
            if (NO_REF.matcher(ref).matches()) {
                throw new InvalidSpecException("cannot use git repository " + shown(repository) + ": its ref is none: "
                        + ref.replaceAll("\\p{Cntrl}", "?"));
            }
            if (!CHECKSUM.matcher(checksum).matches()) {
                throw new InvalidSpecException("cannot use git repository " + shown(repository)
                        + ": its checksum is none: a commit's name is hexadecimal digits");
            }
            if (byCommit && !COMMIT.matcher(checksum).matches()) {
                throw new InvalidSpecException("cannot use git repository " + shown(repository)
                        + ": it is to be fetched by commit, and it is not said which, by its whole name");
            }
            if (subdirectory.indexOf('\0') >= 0) {
                throw new InvalidSpecException(
                        "cannot use git repository " + shown(repository) + ": its directory has a NUL");
            }
        }

        public static Git parse(String address) {
            return GitAddress.parse(address);
        }

        /** With what a {@code Dockerfile} says beside the address. */
        public Git checksum(String changed) {
            return new Git(repository, ref, subdirectory, changed, keepsData, submodules, commitTime, byCommit);
        }

        /** Whether a text is meant to be an address of git, and not of a file. */
        public static boolean isAddress(String text) {
            return text.startsWith("git://")
                    || text.startsWith("ssh://")
                    || WEB_REPOSITORY.matcher(text).matches()
                    || SCP.matcher(text).matches();
        }

        /** Its server, as {@code https://host}; without a host for this host's files. */
        public String serverUrl() {
            var scheme = repository.indexOf("://");
            return (scheme < 0 ? "ssh" : repository.substring(0, scheme)) + "://" + host(repository);
        }

        /** Its server with the port, if that is said; empty for this host's files. */
        public String authority() {
            var url = AUTHORITY.matcher(repository);
            return url.matches() ? url.group(1) : host(repository);
        }

        private static String host(String repository) {
            var url = URL.matcher(repository);
            if (url.matches()) {
                return url.group(1);
            }
            var scp = SCP.matcher(repository);
            return scp.matches() ? scp.group(1) : "";
        }

        /** User and password, or a token, that an address of http has before its server: {@code user:password}; empty for none. */
        public String credentials() {
            var web = WEB_CREDENTIALS.matcher(repository);
            return web.matches() ? web.group(2) : "";
        }

        /** The repository without {@link #credentials}. */
        public String withoutCredentials() {
            var web = WEB_CREDENTIALS.matcher(repository);
            return web.matches() ? web.group(1) + web.group(3) : repository;
        }

        /** Without a password; of the web without a user, too, since tokens are given as such. */
        static String shown(String repository) {
            return repository
                    .replaceAll("\\p{Cntrl}", "?")
                    .replaceFirst("://[^/@]*:[^/@]*@|(?<=https?)://[^/@]*@", "://…@");
        }

        @Override
        public String toString() {
            return shown(repository)
                    + GitAddress.query(this)
                    + (ref.isEmpty() && subdirectory.isEmpty() ? "" : "#" + ref)
                    + (subdirectory.isEmpty() ? "" : ":" + subdirectory);
        }
    }

    /** @see #empty() */
    record Empty() implements BuildContext {
        @Override
        public String toString() {
            return "an empty context";
        }
    }
}
