package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestStore;
import org.junit.jupiter.api.Test;

/** A plain user without subordinate ids: there is nobody in containers but root. */
@AsPlainUser(subordinateIds = false)
@LeakChecked
class RootlessOfOneTest extends RootlessContract {
    private static final String HELP =
            "install newuidmap and newgidmap (Debian: uidmap), and have root give you numbers:"
                    + " usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER";
    private static final String WHY =
            "without root its containers have only root, since /etc/subuid and /etc/subgid have"
                    + " no numbers for user cais-tester";

    @Test
    void anotherUserIsRefused(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            assertRefused(
                    engine,
                    BUSYBOX.user("1000"),
                    "cannot create container box: it is to run as user 1000, but " + WHY + "; " + HELP
                            + "; or run it as root of the container: user(\"0\")");
            assertRefused(
                    engine,
                    BUSYBOX.groupAdd("audio"),
                    "cannot create container box: it is to be in group 29, but " + WHY + "; " + HELP
                            + "; or run it as root of the container: user(\"0\")");
        }
    }

    @Test
    void thereIsNobodyElse(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var script = "cat /proc/self/uid_map | wc -l; chown 1000 /root 2>/dev/null || echo refused";

            assertThat(engine.containers().run(sh(script)).stdout()).isEqualTo("1\nrefused\n");
            assertThat(engine.info().notes())
                    .anyMatch(note -> note.contains("there is nobody else, since /etc/subuid") && note.contains(HELP));
        }
    }
}
