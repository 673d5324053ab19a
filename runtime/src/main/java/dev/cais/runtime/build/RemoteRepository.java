package dev.cais.runtime.build;

import dev.cais.BuildContext.Git;
import dev.cais.Digest;
import dev.cais.image.attestation.Provenance;
import dev.cais.image.oci.Hash;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;

/** What git has of a commit. Its name says what the files are, so they are fetched only when a step is carried out. */
final class RemoteRepository implements Remote {
    private final Git address;
    private final boolean keepsData;
    private final Path directory;
    private final GitCheckout checkout;
    private Optional<String> commit = Optional.empty();
    private boolean isHere;

    /**
     * @param keepsData whether {@code .git} is copied, too
     * @param directory empty, for the files
     * @param requireFarEnough refuses servers that a repository may not name for its submodules
     */
    RemoteRepository(Git address, boolean keepsData, Path directory, GitAccess access, Consumer<Git> requireFarEnough) {
        this.address = address;
        this.keepsData = keepsData;
        this.directory = directory;
        this.checkout = new GitCheckout(address, directory, false, access, requireFarEnough);
    }

    private String commit() {
        if (commit.isEmpty()) {
            commit = Optional.of(checkout.commit());
        }
        return commit.get();
    }

    @Override
    public synchronized Digest digest() {
        var what = commit() + "\n" + address.subdirectory() + "\n"
                + (keepsData ? address.withoutCredentials() + "\n" + checkout.ref() : "")
                + (address.submodules() ? "" : "\nwithout submodules")
                + (address.commitTime() ? "" : "\nof the time of the checkout");
        return Hash.sha256(what.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public synchronized Provenance.Material material() {
        return Provenance.Material.ofCommit(address.toString(), commit());
    }

    @Override
    public synchronized Origins.Tree tree() {
        if (!isHere) {
            checkout.bring(commit(), keepsData);
            isHere = true;
        }
        return new Origins.OfDirectory(address.toString(), directory);
    }

    @Override
    public synchronized Optional<Instant> time() {
        tree();
        return Optional.of(checkout.time());
    }

    @Override
    public String path() {
        return address.subdirectory();
    }
}
