package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import dev.cais.fixtures.TreeListing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Extended attributes of what builds copy, in the layer's directory and in its tar. */
abstract class CopiedAttributesContract {
    private static final Pattern ATTRIBUTE = Pattern.compile("(?:user|trusted|security|system)\\.(?!overlay)\\S+=\\S*");

    /** Lets a program open raw sockets: {@code cap_net_raw=ep}. */
    private static final String CAPABILITY = "\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    /** The owner reads and writes, user 33 reads, nobody else does. */
    private static final String LIST = "\2\0\0\0"
            + "\1\0\6\0\377\377\377\377"
            + "\2\0\4\0\41\0\0\0"
            + "\4\0\4\0\377\377\377\377"
            + "\20\0\4\0\377\377\377\377"
            + "\40\0\0\0\377\377\377\377";

    @TempDir
    private Path context;

    private Path layers;
    private Engine engine;
    private TestBuilds builds;

    @BeforeEach
    void open(TestStore store) {
        engine = store.openEngineWithBusybox();
        layers = store.path().resolve("layers");
        builds = TestBuilds.of(engine, context);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private static TarWriter tree() {
        return new TarWriter()
                .xattr("user.of", "the directory")
                .xattr("system.posix_acl_default", LIST)
                .directory("d", 0755)
                .xattr("user.note", "noted")
                .xattr("trusted.note", "trusted")
                .xattr("security.selinux", "of another host")
                .file("d/noted", 0644, "1")
                .xattr("security.capability", CAPABILITY)
                .file("d/ping", 0755, "2")
                .xattr("system.posix_acl_access", LIST)
                .file("d/listed", 0640, "3")
                .xattr("user.note", "too large for its part")
                .file("d/large", 0644, new byte[1_000_000])
                .file("d/plain", 0644, "4");
    }

    private Image imported(TarWriter files) throws IOException {
        return engine.images().importRootfs(Files.write(context.resolve("source.tar"), files.bytes()), "source");
    }

    /** Of each file that has some, by name; as the newest layer has them, whose tar has the same. */
    private SortedMap<String, String> attributes(Image image) {
        assertThat(engine.images().verify()).isEmpty();
        var last = image.layers().get(image.layers().size() - 1);
        var all = new TreeMap<String, String>();
        TreeListing.of(layers.resolve(last.diffId().hex().substring(0, 24))).forEach((path, line) -> {
            var found =
                    ATTRIBUTE.matcher(line).results().map(MatchResult::group).collect(Collectors.joining(" "));
            if (!found.isEmpty()) {
                all.put(path, found);
            }
        });
        return all;
    }

    private void attribute(String file, String name, String value) throws IOException {
        Files.setAttribute(context.resolve(file), "user:" + name, ByteBuffer.wrap(value.getBytes(UTF_8)));
    }

    @Test
    void ofAnImageAllAreKept() throws IOException {
        var source = attributes(imported(tree()));
        assertThat(source).containsKeys("d", "d/noted", "d/ping", "d/large").doesNotContainKey("d/plain");
        assertThat(source.get("d/noted")).contains("user.note=").doesNotContain("selinux");

        assertThat(attributes(builds.build("FROM scratch\nCOPY --from=source / /\n")))
                .isEqualTo(source);
        assertThat(attributes(builds.build("FROM source AS s\nFROM scratch\nCOPY --from=s --parents /d/* /\n")))
                .isEqualTo(source);
        assertThat(attributes(builds.build("FROM busybox\nCOPY --from=source --chown=7:8 /d/ping /d/noted /\n")))
                .isEqualTo(new TreeMap<>(Map.of("noted", source.get("d/noted"), "ping", source.get("d/ping"))));
    }

    @Test
    void whatIsWrittenThroughAMountKeepsThem() throws IOException {
        var source = attributes(imported(tree().hardLink("d/second", "d/noted")));
        assertThat(attributes(builds.build("FROM busybox\nCOPY --from=source / /\n")))
                .isEqualTo(source);
    }

    @Test
    void aDirectoryThatIsThereKeepsItsOwnAndGetsTheNewOnes() throws IOException {
        imported(new TarWriter()
                .xattr("user.old", "1")
                .xattr("user.both", "1")
                .directory("old/there", 0755)
                .xattr("user.both", "2")
                .xattr("user.new", "2")
                .directory("new/there", 0755));
        assertThat(attributes(builds.build("FROM scratch\nCOPY --from=source old /\nCOPY --from=source new /\n")))
                .containsEntry("there", "user.both=32 user.new=32 user.old=31");
    }

    @Test
    void ofAContextNoneIsKeptOrCounts() throws IOException {
        builds.write("src/d/f", "content");
        attribute("src/d/f", "xdg.origin.url", "https://example.test/?token=1");
        attribute("src/d", "of", "2");
        var dockerfile = "FROM scratch\nCOPY src /\n";
        assertThat(attributes(builds.build(dockerfile))).isEmpty();
        builds.carriedOut();

        attribute("src/d/f", "xdg.origin.url", "https://example.test/?token=2");
        builds.build(dockerfile);
        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void archivesAreUnpackedWithThem() throws IOException {
        var source = attributes(imported(tree()));
        assertThat(attributes(builds.build("FROM scratch\nADD source.tar /\n"))).isEqualTo(source);
    }
}
