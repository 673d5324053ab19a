package dev.cais.runtime;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(OutsideHost.class)
@AsPlainUser(subordinateIds = false)
@LeakChecked
@Timeout(120)
class RootlessNetworksOfOneTest extends RootlessNetworksContract {}
