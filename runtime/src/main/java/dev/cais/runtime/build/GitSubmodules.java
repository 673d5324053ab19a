package dev.cais.runtime.build;

import dev.cais.BuildContext.Git;
import dev.cais.BuildException;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The submodules of a checkout, and theirs. Their addresses are words of the repository: none is on this host's disk, and none is asked
 * before it is known where it is.
 */
final class GitSubmodules {
    private static final int MOST = 1000;
    private static final int DEEPEST = 16;
    private static final Pattern ADDRESS = Pattern.compile("submodule\\..*\\.url\n(.*)", Pattern.DOTALL);

    private final String cannot;
    private final Consumer<Git> requireFarEnough;
    private final Deque<Place> places = new ArrayDeque<>();
    private int count;

    /** @param depth 0 for the repository itself */
    private record Place(GitProgram git, int depth) {}

    /**
     * @param cannot for messages: {@code cannot fetch git://…}
     * @param requireFarEnough refuses servers that a repository may not name
     */
    GitSubmodules(String cannot, Consumer<Git> requireFarEnough) {
        this.cannot = cannot;
        this.requireFarEnough = requireFarEnough;
    }

    /**
     * Brings them.
     *
     * @param outer in the repository's own checkout
     * @return of each submodule
     * @throws BuildException if there are more than 1000, one is deeper than 16 others, or an address cannot be used
     */
    List<GitProgram> bring(GitProgram outer) {
        var brought = new ArrayList<GitProgram>();
        places.add(new Place(outer, 0));
        while (!places.isEmpty()) {
            var place = places.remove();
            if (place.depth > 0) {
                brought.add(place.git);
            }
            if (Files.isRegularFile(place.git.directory().resolve(".gitmodules"), LinkOption.NOFOLLOW_LINKS)) {
                bring(place);
            }
        }
        return brought;
    }

    private void bring(Place place) {
        var git = place.git;
        git.run(cannot, "submodule", "--quiet", "init");
        var addresses = git.run(cannot, "config", "--local", "--null", "--list").split("\0");
        for (var entry : addresses) {
            var address = ADDRESS.matcher(entry);
            if (address.matches()) {
                require(address.group(1), place.depth + 1);
            }
        }
        try {
            git.run(cannot, "submodule", "--quiet", "update", "--depth=1");
        } catch (BuildException e) { // an old server gives only what has a name, and one without smartness no part
            git.run(
                    cannot,
                    "submodule",
                    "--quiet",
                    "foreach",
                    "git fetch --quiet --unshallow --tags || git fetch --quiet --tags");
            git.run(cannot, "submodule", "--quiet", "update", "--no-recommend-shallow");
        }
        var paths = git.run(cannot, "submodule", "--quiet", "foreach", "printf '%s\\0' \"$sm_path\"");
        for (var path : paths.split("\0")) {
            if (!path.isEmpty()) {
                places.add(new Place(git.in(git.directory().resolve(path)), place.depth + 1));
            }
        }
    }

    private void require(String url, int depth) {
        count++;
        if (count > MOST) {
            throw new BuildException(cannot + ": it has more than " + MOST + " submodules");
        }
        if (depth > DEEPEST) {
            throw new BuildException(cannot + ": its submodules have submodules, more than " + DEEPEST + " deep");
        }
        var address = address(url);
        if (address.isEmpty() || address.get().serverUrl().startsWith("file:")) {
            throw new BuildException(
                    cannot + ": it has a submodule at " + Shown.text(GitRefusal.withoutCredentials(url))
                            + ", which is no address of http, https, git or ssh",
                    "add ?submodules=false to the address, if it is not needed");
        }
        requireFarEnough.accept(address.get());
    }

    private static Optional<Git> address(String url) {
        try {
            return Optional.of(new Git(url, "", "", "", Optional.empty(), true, true, false));
        } catch (InvalidSpecException e) {
            return Optional.empty();
        }
    }
}
