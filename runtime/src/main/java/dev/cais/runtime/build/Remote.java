package dev.cais.runtime.build;

import dev.cais.Digest;
import dev.cais.image.attestation.Provenance;
import java.time.Instant;
import java.util.Optional;

/** Something that {@code ADD} fetches. For many threads. */
interface Remote {
    /** Says what its files are, which need not be here for that. */
    Digest digest();

    /** For who wants to know what an image was made of. */
    Provenance.Material material();

    /** Its files, which are here then. */
    Origins.Tree tree();

    /** When that was made, as far as it is known: a commit, what a server says of a file, else the newest file of an archive. */
    Optional<Instant> time();

    /** What is copied of these: a file, or all if it is empty. */
    String path();
}
