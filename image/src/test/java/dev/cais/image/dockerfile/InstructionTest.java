package dev.cais.image.dockerfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.Instruction.Add;
import dev.cais.image.dockerfile.Instruction.Copy;
import dev.cais.image.dockerfile.Instruction.NetworkMode;
import dev.cais.image.dockerfile.Instruction.Run;
import dev.cais.image.dockerfile.RunMount.Bind;
import dev.cais.image.dockerfile.RunMount.Cache;
import dev.cais.image.dockerfile.RunMount.Ownership;
import dev.cais.image.dockerfile.RunMount.Secret;
import dev.cais.image.dockerfile.RunMount.Sharing;
import dev.cais.image.dockerfile.RunMount.Ssh;
import dev.cais.image.dockerfile.RunMount.Tmpfs;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InstructionTest {
    private static final Ownership USUAL = new Ownership(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());

    private static Run run(String options) {
        return (Run) Instruction.parse("RUN " + options + " make");
    }

    private static RunMount mount(String options) {
        return run("--mount=" + options)
                .mounts()
                .get(0)
                .resolve(name ->
                        Optional.ofNullable(Map.of("DIR", "/d", "N", "7").get(name)));
    }

    @Test
    void aRunHasItsOptions() {
        assertThat(run("")).satisfies(run -> {
            assertThat(run.network()).isEqualTo(NetworkMode.DEFAULT);
            assertThat(run.insecure()).isFalse();
            assertThat(run.mounts()).isEmpty();
            assertThat(run.program()).isEqualTo(Program.shell("make"));
            assertThat(run.keyword()).isEqualTo("RUN");
        });
        assertThat(run("--network=none --security=insecure --device=v.com/c=a --device='v.com/c=b,required'"))
                .satisfies(run -> {
                    assertThat(run.network()).isEqualTo(NetworkMode.NONE);
                    assertThat(run.insecure()).isTrue();
                    assertThat(run.devices())
                            .containsExactly(new RunDevice("v.com/c=a", false), new RunDevice("v.com/c=b", true));
                });
        assertThat(run("--network=host --security=sandbox --").program()).isEqualTo(Program.shell("make"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "v.com/c | v.com/c | false",
                "name=v.com/c=*,required | v.com/c=* | true",
                "v.com/c=0,required=false | v.com/c=0 | false",
                "required=1,v.com/c=a:b | v.com/c=a:b | true",
            })
    void aDeviceIsNamed(String text, String name, boolean required) {
        assertThat(run("--device=" + text).devices()).containsExactly(new RunDevice(name, required));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-card0 | --device is none: -card0; write vendor.com/class=name, vendor.com/class=*, vendor.com/class or a"
                        + " class by annotation",
                "/dev/x | --device is none: /dev/x; write vendor.com/class=name, vendor.com/class=*, vendor.com/class or a"
                        + " class by annotation",
                "v.com/c,name=v.com/d | --device has two names",
                "v.com/c,requird | --device has no option requird; did you mean required?",
                "v.com/c,required=2 | --device's required is true or false, not 2",
            })
    void whatIsNoDeviceIsRefused(String text, String why) {
        assertThatThrownBy(() -> run("--device=" + text))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageEndingWith(": " + why);
    }

    @Test
    void mountsOfEachKindHaveTheirOptions() {
        assertThat(mount("target=/x")).isEqualTo(new Bind("", "", "/x", true));
        assertThat(mount("type=bind,from=build,src=/a,dst=$DIR/x,rw"))
                .isEqualTo(new Bind("build", "/a", "/d/x", false));
        assertThat(mount("type=cache,target=/root//.cache/"))
                .isEqualTo(mount("type=cache,id=/root/.cache,target=/root//.cache/"));
        assertThat(mount("type=cache,target=/c"))
                .isEqualTo(new Cache("/c", "", "", "/c", false, Sharing.SHARED, USUAL));
        assertThat(mount(
                        "type=CACHE,id=i,destination=/c,from=f,source=s,ro=true,sharing=locked,mode=0755,uid=$N,gid=8"))
                .isEqualTo(new Cache(
                        "i",
                        "f",
                        "s",
                        "/c",
                        true,
                        Sharing.LOCKED,
                        new Ownership(OptionalInt.of(0755), OptionalInt.of(7), OptionalInt.of(8))));
        assertThat(mount("type=tmpfs,target=/t")).isEqualTo(new Tmpfs("/t", Optional.empty(), false));
        assertThat(mount("type=tmpfs,target=/t,size=1.5g"))
                .isEqualTo(new Tmpfs("/t", Optional.of(ByteSize.mib(1536)), false));
        assertThat(mount("type=secret,id=s")).isEqualTo(new Secret("s", "/run/secrets/s", "", false, USUAL));
        assertThat(mount("type=secret,target=/a/key,required")).isEqualTo(new Secret("key", "/a/key", "", true, USUAL));
        assertThat(mount("type=secret,id=s,env=TOKEN")).isEqualTo(new Secret("s", "", "TOKEN", false, USUAL));
        assertThat(mount("type=ssh")).isEqualTo(new Ssh("default", "", false, USUAL));
        assertThat(mount("type=ssh,id=k,target=/s,required=1")).isEqualTo(new Ssh("k", "/s", true, USUAL));
    }

    @Test
    void anOptionWithACommaIsQuotedTwice() {
        assertThat(mount("'type=bind,\"source=a,b\",target=/x'")).isEqualTo(new Bind("", "a,b", "/x", true));
    }

    @Test
    void theStageOfAMountIsKnownBeforeItsVariables() {
        assertThat(run("--mount=from=build,target=$X --mount=type=cache,target=/c --mount=target=/c")
                        .mounts())
                .extracting(MountOptions::from)
                .containsExactly("build", "", "");
    }

    @Test
    void theTypeOfAMountMayBeAVariable() {
        var options = run("--mount=type=$T,target=/x,size=1").mounts().get(0);
        assertThat(options.resolve(name -> Optional.of("TmpFs")))
                .isEqualTo(new Tmpfs("/x", Optional.of(ByteSize.bytes(1)), false));
        assertThatThrownBy(() -> options.resolve(name -> Optional.of("bind")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("--mount of type bind has no option size");
        assertThatThrownBy(() -> options.resolve(name -> Optional.of("tmp")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("there is no --mount of type tmp");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "--network=hots       | there is no network hots; write --network=default, --network=none or"
                        + " --network=host",
                "--security=none      | there is no security none; write --security=sandbox or --security=insecure",
                "--mount              | option --mount has no value; write --mount=…",
                "--network=host --network=none | option --network is there twice",
                "--mout=x             | RUN has no option --mout; did you mean --mount?",
                "--mount=type=cahce,target=/x | there is no --mount of type cahce; did you mean cache?",
                "--mount=type=cache   | --mount of type cache has no target",
                "--mount=type=bind    | --mount of type bind has no target",
                "--mount=type=tmpfs   | --mount of type tmpfs has no target",
                "--mount=type=tmpfs,target=/x,size=big | --mount has a size that is none: big; write as 64m or 1g",
                "--mount=type=cache,target=/x,sharing=all | there is no sharing all of a cache; write shared, private or locked",
                "--mount=type=cache,target=/x,mode=888 | --mount has a mode that is none: 888; write octal digits, at most 7777",
                "--mount=type=cache,target=/x,mode=77777 | --mount has a mode that is none: 77777; write octal digits, at most 7777",
                "--mount=type=cache,target=/x,uid=root | --mount has a uid that is none: root; write its number",
                "--mount=type=bind,target=/x,mode=755 | --mount of type bind has no option mode",
                "--mount=type=secret  | --mount of type secret has no id and no target",
                "--mount=type=secret,id=a,source=b | --mount of type secret has a source and an id, which mean the same",
                "--mount=type=secret,id=a,required=yes | --mount's required is true or false, not yes",
                "--mount=type=ssh,from=a | --mount of type ssh has no option from",
                "--mount=type=ssh,x   | --mount has x, which is not written as name=value",
                "--mount=type=ssh,tarrget=x | --mount of type ssh has no option tarrget; did you mean target?",
                "--mount=from=$X,target=/x | --mount has a variable in from, which must be known before any is; name a"
                        + " stage FROM that variable, and mount from the stage",
            })
    void whatIsWrongWithARunIsNamed(String options, String why) {
        assertThatThrownBy(() -> run(options))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read instruction 'RUN " + options + " make': " + why);
    }

    @Test
    void copyAndAddHaveTheirOptions() {
        var copy = (Copy) Instruction.parse(
                "COPY --from=b --chown=u:$G --chmod=u+x --link --parents=true --exclude=*.x" + " --exclude=y a/ [ /d/");
        assertThat(copy.from()).isEqualTo("b");
        assertThat(copy.parents()).isTrue();
        assertThat(copy.files())
                .isEqualTo(new Transfer(
                        List.of(new Word("a/", '\\'), new Word("[", '\\')),
                        List.of(),
                        new Word("/d/", '\\'),
                        Optional.of(new Word("u:$G", '\\')),
                        Optional.of(new Word("u+x", '\\')),
                        true,
                        List.of("*.x", "y")));
        assertThat(copy.words()).extracting(Word::text).containsExactly("a/", "[", "/d/", "u:$G", "u+x");

        var add = (Add) Instruction.parse("ADD --checksum=sha256:$S --keep-git-dir --unpack=false u v");
        assertThat(add.checksum()).hasValue(new Word("sha256:$S", '\\'));
        assertThat(add.keepGitDirectory()).contains(true);
        assertThat(add.unpack()).hasValue(false);
        assertThat(add.files().link()).isFalse();
        assertThat(((Add) Instruction.parse("ADD u v")).unpack()).isEmpty();
        assertThat(((Copy) Instruction.parse("COPY [\"a b\", \"c d\"]")).files().sources())
                .containsExactly(new Word("a b", '\\'));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "COPY --from=$X a b    | --from has a variable, and must be known before any is; name a stage FROM that"
                        + " variable, and copy from the stage",
                "COPY --checksum=x a b | COPY has no option --checksum",
                "COPY --link=on a b    | --link is true or false, not on",
                "COPY --lnk a b        | COPY has no option --lnk; did you mean --link?",
                "ADD --from=x a b      | ADD has no option --from",
                "COPY [\"a\"]          | COPY has a source and no destination",
                "COPY [\"a\", 1]       | a JSON array of arguments has something that is no string",
                "COPY a b~COPY c d     | it is more than one instruction",
                "``                    | there is no instruction",
            })
    void whatIsWrongWithAnInstructionIsNamed(String text, String why) {
        assertThatThrownBy(() -> Instruction.parse(text.replace('~', '\n')))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read instruction '" + text.replace('~', '?') + "': " + why);
    }

    @ParameterizedTest
    @CsvSource({
        "755, 0644, 0755",
        "0755, 0644, 0755",
        "4755, 0, 04755",
        "7, 0644, 0007",
        "u+x, 0644, 0744",
        "+x, 0644, 0755",
        "a-w, 0666, 0444",
        "go=, 0755, 0700",
        "u=rwX, 0070, 0770",
        "'u+rwX,go-w', 0666, 0644",
        "'g=u,o=g', 0740, 0777",
        "u+s, 0755, 04755",
        "g+s, 0755, 02755",
        "+t, 0755, 01755",
        "ug+rw-x, 0111, 0661",
        "u+w+x, 0400, 0700",
    })
    void modesAreSetOrChanged(String change, String mode, String expected) {
        assertThat(ModeChange.parse(change).apply(Integer.parseInt(mode, 8), false))
                .isEqualTo(Integer.parseInt(expected, 8));
    }

    @Test
    void aModeHasNoEndlessNumberOfChanges() {
        assertThat(ModeChange.parse("+x".repeat(500)).apply(0, false)).isEqualTo(0111);
        assertThatThrownBy(() -> ModeChange.parse("+x".repeat(100_000))).isInstanceOf(InvalidSpecException.class);
    }

    @Test
    void directoriesAreAlwaysExecutableToX() {
        assertThat(ModeChange.parse("a+X").apply(0644, true)).isEqualTo(0755);
        assertThat(ModeChange.parse("a+X").apply(0644, false)).isEqualTo(0644);
        assertThat(ModeChange.parse("a+X").apply(0744, false)).isEqualTo(0755);
        assertThat(ModeChange.parse("a+X")).hasToString("a+X");
    }

    @ParameterizedTest
    @CsvSource({"8", "10000", "''", "u", "x+u", "u+rg", "'u+x,'", "-1", "u +x"})
    void whatIsNoModeIsRefused(String text) {
        assertThatThrownBy(() -> ModeChange.parse(text))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("--chmod is no mode: " + text + "; write as 755, at most 7777, or as u+rwX,go-w");
    }
}
