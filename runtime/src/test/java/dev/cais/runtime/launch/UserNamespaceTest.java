package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import org.junit.jupiter.api.Test;

@AsPlainUser(subordinateIds = true)
@LeakChecked
class UserNamespaceTest extends UserNamespaceContract {
    @Test
    void subordinateIdsFollowTheUser() {
        try (var namespace = UserNamespace.create(launch)) {
            assertThat(namespace.onlyOne()).isEmpty();
            assertThat(namespace.uids().size()).isEqualTo(65537);
            assertThat(namespace.gids().size()).isEqualTo(65537);
        }
        assertThat(read("/proc/self/uid_map").lines()).hasSize(2);
    }
}
