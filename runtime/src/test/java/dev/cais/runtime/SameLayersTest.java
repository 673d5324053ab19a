package dev.cais.runtime;

import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import org.junit.jupiter.api.Timeout;

/** As root. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class SameLayersTest extends SameLayersContract {}
