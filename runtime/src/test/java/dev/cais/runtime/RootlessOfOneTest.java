package dev.cais.runtime;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;

@AsPlainUser(subordinateIds = false)
@LeakChecked
class RootlessOfOneTest extends RootlessContract {}
