package dev.cais.runtime;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import org.junit.jupiter.api.Timeout;

/** As a plain user, with subordinate ids. */
@AsPlainUser(subordinateIds = true)
@LeakChecked
@Timeout(120)
class RootlessSameLayersTest extends SameLayersContract {}
