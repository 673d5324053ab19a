package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class AccountsTest {
    private final Accounts accounts = Accounts.parse(
            bytes(
                    "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/false\nbroken:x:y:z\n5000:x:7:7::/seven:/bin/sh\n"),
            bytes("root:x:0:\nweb:x:34:\nmail:x:8:web,root\nlog:x:9:web\n"));

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void noUserIsRoot() {
        assertThat(accounts.identify("")).isEqualTo(new Accounts.Identity(0, 0, List.of(0, 8), "/root"));
    }

    @Test
    void aNameBringsItsGroupsAndHome() {
        assertThat(accounts.identify("web")).isEqualTo(new Accounts.Identity(33, 34, List.of(34, 8, 9), "/srv"));
    }

    @Test
    void aKnownNumberIsTheUserItself() {
        assertThat(accounts.identify("33")).isEqualTo(accounts.identify("web"));
    }

    @Test
    void aNameOfDigitsWinsOverTheNumber() {
        assertThat(accounts.identify("5000").uid()).isEqualTo(7);
    }

    @Test
    void anUnknownNumberHasGroupZeroAndNoHome() {
        assertThat(accounts.identify("1234")).isEqualTo(new Accounts.Identity(1234, 0, List.of(0), "/"));
    }

    @Test
    void aNamedGroupIsTheOnlyOne() {
        assertThat(accounts.identify("web:mail")).isEqualTo(new Accounts.Identity(33, 8, List.of(8), "/srv"));
        assertThat(accounts.identify("1:2")).isEqualTo(new Accounts.Identity(1, 2, List.of(2), "/"));
        assertThat(accounts.identify(":9")).isEqualTo(new Accounts.Identity(0, 9, List.of(9), "/root"));
    }

    @Test
    void anUnknownNameIsNotFound() {
        assertThatThrownBy(() -> accounts.identify("nobody"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage(
                        "cannot run as nobody: the image has no user nobody [file=/etc/passwd]; name one that it has, or a"
                                + " number");
        assertThatThrownBy(() -> accounts.identify("web:staff"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage(
                        "cannot run as web:staff: the image has no group staff [file=/etc/group]; name one that it has, or a"
                                + " number");
    }

    @Test
    void aNumberBeyondTheRangeIsRefused() {
        assertThatThrownBy(() -> accounts.identify("4294967296"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot run as 4294967296: user id 4294967296 is out of range; choose 0 to 2147483647");
    }
}
