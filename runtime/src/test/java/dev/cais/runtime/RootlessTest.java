package dev.cais.runtime;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;

@AsPlainUser(subordinateIds = true)
@LeakChecked
class RootlessTest extends RootlessContract {}
