package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BuildContextTest {
    @ParameterizedTest
    @CsvSource({
        "https://host/a/b.git, https://host/a/b.git, '', '', https://host",
        "https://host/a/b.git#main:sub/dir, https://host/a/b.git, main, sub/dir, https://host",
        "https://host:8443/b.git#:sub, https://host:8443/b.git, '', sub, https://host",
        "github.com/a/b#v1, https://github.com/a/b, v1, '', https://github.com",
        "git://[::1]/b.git, git://[::1]/b.git, '', '', git://[::1]",
        "ssh://git@host/b.git#refs/pull/1/head, ssh://git@host/b.git, refs/pull/1/head, '', ssh://host",
        "git@host:a/b.git#main, git@host:a/b.git, main, '', ssh://host",
        "git@host:/srv/b.git?branch=main&subdir=c, git@host:/srv/b.git, refs/heads/main, c, ssh://host",
        "file:///srv/b.git, file:///srv/b.git, '', '', file://"
    })
    void addressesOfGitAreRead(String text, String repository, String ref, String subdirectory, String server) {
        var git = BuildContext.Git.parse(text);

        assertThat(git)
                .isEqualTo(
                        new BuildContext.Git(repository, ref, subdirectory, "", Optional.empty(), true, true, false));
        assertThat(git.serverUrl()).isEqualTo(server);
        assertThat(BuildContext.Git.parse(git.toString())).isEqualTo(git);
    }

    @ParameterizedTest
    @CsvSource({
        "https://host/b.git?ref=main, https://host/b.git#main",
        "https://host/b.git?branch=main&subdir=a%2Fb, https://host/b.git#refs/heads/main:a/b",
        "https://host/b.git?tag=refs/tags/v1#:a, https://host/b.git#refs/tags/v1:a",
        "https://host/b.git?ref=main#main, https://host/b.git#main",
        "github.com/a/b?tag=v1, https://github.com/a/b#refs/tags/v1",
        "ssh://git@host/b?commit=abcd, ssh://git@host/b?checksum=abcd",
        "git://host/b?mtime=checkout, git://host/b?mtime=checkout",
        "git://host/b?mtime=commit&checksum=a#x, git://host/b?checksum=a#x",
        "git://host/b?fetch-by-commit&checksum=0123456789012345678901234567890123456789,"
                + " git://host/b?checksum=0123456789012345678901234567890123456789&fetch-by-commit=true",
        "git://host/b?checksum=0123abcd&keep-git-dir&submodules=0#x, git://host/b?checksum=0123abcd&keep-git-dir=true&submodules=false#x",
    })
    void aQuerySaysMoreThanAFragment(String text, String meant) {
        assertThat(BuildContext.git(text)).isEqualTo(BuildContext.git(meant)).hasToString(meant);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "?ref=a#b | it has two refs, b and a",
                "?branch=a&tag=a | it has two refs, refs/heads/a and refs/tags/a",
                "?subdir=a#:b | it has two directories, b and a",
                "?ref=a&ref=a | it says ref twice",
                "?ref= | its ref has no value",
                "?ref=%zz | its ref is wrongly encoded",
                "?submodules=perhaps | its submodules is true or false, not perhaps",
                "?checksum=xyz | its checksum is none: a commit's name is hexadecimal digits",
                "?upload-pack=x | there is no upload-pack of one, but ref, tag, branch, subdir, checksum, keep-git-dir, submodules, mtime and fetch-by-commit",
                "?mtime=now | its mtime is commit or checkout, not now",
                "?mtime | its mtime has no value",
                "?fetch-by-commit=maybe | its fetch-by-commit is true or false, not maybe",
                "?fetch-by-commit=true&checksum=ab12 | it is to be fetched by commit, and it is not said which, by its whole name",
                "?ref=--upload-pack=x | its ref is none: --upload-pack=x",
            })
    void aQueryThatSaysNothingIsRefused(String query, String why) {
        assertThatThrownBy(() -> BuildContext.git("https://host/b.git" + query))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use git repository https://host/b.git: " + why);
    }

    @Test
    void contextsAreReadInTheWordsOfDocker() {
        assertThat(BuildContext.parse("/tmp")).isEqualTo(BuildContext.directory(Path.of("/tmp")));
        assertThat(BuildContext.parse(".")).isEqualTo(BuildContext.directory(Path.of("")));
        assertThat(BuildContext.parse("-")).isEqualTo(BuildContext.tar(System.in));
        assertThat(BuildContext.parse("https://h/a.tar.gz?x=y#z"))
                .isInstanceOf(BuildContext.Web.class)
                .hasToString("https://h/a.tar.gz?x=y#z");
        assertThat(BuildContext.parse("http://user:secret@h/Dockerfile")).hasToString("http://…@h/Dockerfile");
        for (var git : new String[] {
            "https://h/a.git?branch=main",
            "https://h/a.git#main:b",
            "git@h:a/b",
            "github.com/a/b#v1",
            "file:///srv/b.git"
        }) {
            assertThat(BuildContext.parse(git)).isEqualTo(BuildContext.git(git));
        }
        assertThat(BuildContext.parse("docker-image://alpine:3.20")).isEqualTo(BuildContext.image("alpine:3.20"));
        var layout = Path.of("/srv/layout");
        assertThat(BuildContext.parse("oci-layout:///srv/layout")).isEqualTo(BuildContext.layout(layout, ""));
        assertThat(BuildContext.parse("oci-layout:///srv/layout:v1")).isEqualTo(BuildContext.layout(layout, "v1"));
        assertThat(BuildContext.parse("oci-layout:///srv/layout:v1@sha256:ab"))
                .isEqualTo(BuildContext.layout(layout, "sha256:ab"))
                .hasToString("oci-layout:///srv/layout@sha256:ab");
        assertThat(BuildSpec.of("/tmp").context("a=docker-image://b=c").contexts())
                .containsEntry("a", BuildContext.image("b=c"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | cannot use a context: its name is empty or has a NUL",
                "/no/such/place | cannot use context /no/such/place: there is no such directory",
                "ftp://h/a | cannot use context ftp://h/a: there is no kind ftp; write a directory, or an address of docker-image, oci-layout, git, ssh, http or https",
                "http:///a | cannot use context http:///a: it is no address of http or https",
                "http://h/a b | cannot use context http://h/a b: it is no address of http or https",
                "oci-layout://@sha256:ab | cannot use context oci-layout://@sha256:ab: it has no path",
                "git@-oProxyCommand=x:b | cannot use context git@-oProxyCommand=x:b: there is no such directory",
            })
    void whatIsNoContextIsRefused(String text, String message) {
        assertThatThrownBy(() -> BuildContext.parse(text))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(message);
        if (!text.isEmpty()) {
            assertThatThrownBy(() -> BuildSpec.of("/tmp").context("=" + text))
                    .isInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot use context =" + text
                            + ": it has no name; write name=directory, or name= and an address");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "--upload-pack=touch /tmp/x",
                "-c",
                "ext::sh -c touch% /tmp/x",
                "fd::17",
                "ssh://-oProxyCommand=touch/x",
                "ssh://-x@host/b",
                "-oProxyCommand=x@host:b",
                "git@-oProxyCommand=x:b",
                "https://host/a b.git",
                "https://host/\nb.git",
                "https:///b.git",
                "git:///b.git",
                "file://host/b.git",
                "ftp://host/b.git",
                "/srv/b.git",
                "../b.git"
            })
    void whatIsNoAddressOfGitIsRefused(String text) {
        assertThatThrownBy(() -> BuildContext.git(text))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use git repository " + text.replace('\n', '?')
                        + ": it is no address of http, https, git, ssh or file");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--upload-pack=x", "-x", "a..b", "a b", "a^{}", "a~1", "+a*", "a\\b", "a\u0001"})
    void aRefIsNoOptionAndNoPattern(String ref) {
        assertThatThrownBy(() -> BuildContext.git("https://user:password@host/b.git#" + ref))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use git repository https://…@host/b.git: its ref is none: "
                        + ref.replace('\u0001', '?'));
    }

    @Test
    void onlySomeTextsAreMeantForGit() {
        assertThat(new String[] {"git://h/x", "ssh://h/x", "http://h/x.git", "https://h/x.git#main", "git@h:x"})
                .allMatch(BuildContext.Git::isAddress);
        assertThat(new String[] {
                    "https://h/x", "https://h/x.gitignore", "file:///x.git", "x@y", "dir/x.git", "a@b/c", "git@h:-x"
                })
                .noneMatch(BuildContext.Git::isAddress);
    }
}
