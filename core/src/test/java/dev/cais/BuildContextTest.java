package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
        "file:///srv/b.git, file:///srv/b.git, '', '', file://"
    })
    void addressesOfGitAreRead(String text, String repository, String ref, String subdirectory, String server) {
        var git = BuildContext.Git.parse(text);

        assertThat(git).isEqualTo(new BuildContext.Git(repository, ref, subdirectory));
        assertThat(git.serverUrl()).isEqualTo(server);
        assertThat(BuildContext.Git.parse(git.toString())).isEqualTo(git);
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
        assertThat(new String[] {"https://h/x", "https://h/x.gitignore", "file:///x.git", "x@y", "dir/x.git", "a@b/c"})
                .noneMatch(BuildContext.Git::isAddress);
    }
}
