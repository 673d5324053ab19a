package dev.cais.runtime;

import dev.cais.fixtures.AsPlainUser;

/** As a plain user, with subordinate ids. */
@AsPlainUser(subordinateIds = true)
class RootlessSshTest extends SshMountContract {}
