package dev.cais.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ImageReferenceTest {
    private static final String HEX = "0123456789abcdef".repeat(4);

    @ParameterizedTest
    @CsvSource({
        "busybox,                        docker.io/library/busybox:latest,       busybox:latest",
        "busybox:1.36,                   docker.io/library/busybox:1.36,         busybox:1.36",
        "library/busybox,                docker.io/library/busybox:latest,       busybox:latest",
        "docker.io/busybox,              docker.io/library/busybox:latest,       busybox:latest",
        "index.docker.io/busybox,        docker.io/library/busybox:latest,       busybox:latest",
        "docker.io/library/busybox:1,    docker.io/library/busybox:1,            busybox:1",
        "a/b,                            docker.io/a/b:latest,                   a/b:latest",
        "a/b/c:t,                        docker.io/a/b/c:t,                      a/b/c:t",
        "library/a/b,                    docker.io/library/a/b:latest,           library/a/b:latest",
        "ghcr.io/a/b:1,                  ghcr.io/a/b:1,                          ghcr.io/a/b:1",
        "ghcr.io/a,                      ghcr.io/a:latest,                       ghcr.io/a:latest",
        "localhost/a,                    localhost/a:latest,                     localhost/a:latest",
        "localhost:5000/a,               localhost:5000/a:latest,                localhost:5000/a:latest",
        "localhost:5000,                 docker.io/library/localhost:5000,       localhost:5000",
        "[::1]:5000/a:b,                 [::1]:5000/a:b,                         [::1]:5000/a:b",
        "127.0.0.1:5000/a,               127.0.0.1:5000/a:latest,                127.0.0.1:5000/a:latest",
        "Upper/a,                        Upper/a:latest,                         Upper/a:latest",
        "x/a__b.c-d---e/f_g:_T.1-2,      docker.io/x/a__b.c-d---e/f_g:_T.1-2,    x/a__b.c-d---e/f_g:_T.1-2",
        "docker.io/localhost/a,          docker.io/localhost/a:latest,           docker.io/localhost/a:latest",
        "docker.io/a.b/c,                docker.io/a.b/c:latest,                 docker.io/a.b/c:latest",
        "a.b,                            docker.io/library/a.b:latest,           a.b:latest",
        "123,                            docker.io/library/123:latest,           123:latest",
    })
    void namesAreReadAsDockerReadsThem(String text, String canonical, String familiar) {
        var reference = ImageReference.parse(text);

        assertThat(reference.canonical()).isEqualTo(canonical);
        assertThat(reference).hasToString(familiar);
        assertThat(ImageReference.parse(familiar)).isEqualTo(reference);
        assertThat(ImageReference.parse(canonical)).isEqualTo(reference);
    }

    @Test
    void digestStandsInForTheTag() {
        var reference = ImageReference.parse("busybox@sha256:" + HEX);

        assertThat(reference.tag()).isEmpty();
        assertThat(reference.digest())
                .hasValueSatisfying(digest -> assertThat(digest.hex()).isEqualTo(HEX));
        assertThat(reference).hasToString("busybox@sha256:" + HEX);
    }

    @Test
    void tagAndDigestAreBothKept() {
        var reference = ImageReference.parse("host:1/a:2@sha256:" + HEX);

        assertThat(reference.registry()).isEqualTo("host:1");
        assertThat(reference.repository()).isEqualTo("a");
        assertThat(reference.tag()).contains("2");
        assertThat(reference).hasToString("host:1/a:2@sha256:" + HEX);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''              | cannot use an empty image name",
                "Busybox         | cannot use image name Busybox: its repository has the part Busybox [position=1]; write busybox",
                "a/B             | cannot use image name a/B: its repository has the part B [position=3]; write a/b",
                "a//b            | cannot use image name a//b: its repository has an empty part [position=3]; PARTS",
                "ghcr.io/        | cannot use image name ghcr.io/: its repository is empty [position=9]",
                "/a              | cannot use image name /a: its repository has an empty part [position=1]; PARTS",
                "a_-b            | cannot use image name a_-b: its repository has the part a_-b [position=1]; PARTS",
                "-a              | cannot use image name -a: its repository has the part -a [position=1]; PARTS",
                "a..b            | cannot use image name a..b: its repository has the part a..b [position=1]; PARTS",
                "../../etc       | cannot use image name ../../etc: registry .. is no host[:port] [position=1]",
                "a:b:c           | cannot use image name a:b:c: its repository has the part a:b [position=1]; PARTS",
                "-.b/a           | cannot use image name -.b/a: registry -.b is no host[:port] [position=1]",
                "a:x/b           | cannot use image name a:x/b: registry a:x is no host[:port] [position=1]",
                "a:              | cannot use image name a:: its tag is empty [position=3]; TAG",
                "a:-1            | cannot use image name a:-1: its tag is -1 [position=3]; TAG",
                "a:b\\u0007      | cannot use image name a:b?: its tag is b? [position=3]; TAG",
                "a@sha256:12     | cannot use image name a@sha256:12: its digest is sha256:12 [position=3]; DIGEST",
                "a@md5:12        | cannot use image name a@md5:12: its digest is md5:12 [position=3]; DIGEST",
                "a@              | cannot use image name a@: its digest is  [position=3]; DIGEST",
            })
    void errorNamesThePartThatIsWrong(String text, String message) {
        assertThatThrownBy(() -> ImageReference.parse(text.replace("\\u0007", "\u0007")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        message.replace("PARTS", "write a-z and 0-9, with single . or _, __ or hyphens between them")
                                .replace(
                                        "TAG",
                                        "write 1 to 128 letters, digits, _, . or hyphens, not beginning with . or a hyphen")
                                .replace("DIGEST", "write sha256: and 64 lower-case hexadecimal digits"));
    }

    @Test
    void imageIdIsNoName() {
        assertThatThrownBy(() -> ImageReference.parse(HEX))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use image name " + HEX
                        + ": it is an image id [position=1]; choose a name that is not 64 hexadecimal digits");
    }

    @Test
    void lengthsAreBounded() {
        var longest = "a".repeat(255);
        assertThat(ImageReference.parse("r.io/" + longest + ":" + "t".repeat(128))
                        .repository())
                .isEqualTo(longest);

        var shown = "a".repeat(200) + "…";
        assertThatThrownBy(() -> ImageReference.parse(longest + "a"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use image name " + shown
                        + ": its repository has more than 255 characters [position=1]");
        assertThatThrownBy(() -> ImageReference.parse("a".repeat(1025)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use image name " + shown + ": it has more than 1024 characters [position=1025]");
        assertThatThrownBy(() -> ImageReference.parse("a:" + "t".repeat(129)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot use image name a:ttt")
                .hasMessageContaining(": its tag is ttt");
    }

    @Test
    void whateverIsAcceptedIsReadBackTheSame() {
        var random = new Random(20261121);
        var alphabet = "ab0A.:/@_-[]\u0000é\ud800 sha256localhostdocker.io".toCharArray();
        var accepted = 0;
        for (var i = 0; i < 200_000; i++) {
            var text = new StringBuilder();
            for (var length = random.nextInt(24); length > 0; length--) {
                text.append(alphabet[random.nextInt(alphabet.length)]);
            }
            try {
                var reference = ImageReference.parse(text.toString());
                accepted++;
                assertThat(ImageReference.parse(reference.toString())).isEqualTo(reference);
                assertThat(ImageReference.parse(reference.canonical())).isEqualTo(reference);
                assertThat(reference.canonical()).matches("[\\x21-\\x7e]+");
                assertThat(reference.repository()).doesNotContain("..", "//");
            } catch (InvalidSpecException e) {
                assertThat(e.getMessage()).startsWith("cannot use ").doesNotContain("\u0000", "\n");
            }
        }
        assertThat(accepted).isGreaterThan(1000);
    }
}
