package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import org.junit.jupiter.api.Test;

@AsPlainUser(subordinateIds = false)
@LeakChecked
class UserNamespaceOfOneTest extends UserNamespaceContract {
    @Test
    void thereIsNobodyButRootAndItIsSaidWhy() {
        try (var namespace = UserNamespace.create(launch)) {
            assertThat(namespace.onlyOne().orElseThrow())
                    .matches("newuidmap and newgidmap are not installed|"
                            + "/etc/subuid and /etc/subgid have no numbers for user cais-tester");
            assertThat(namespace.uids().size()).isEqualTo(1);
        }
        assertThat(read("/proc/self/setgroups")).isEqualTo("deny\n");
    }
}
