package dev.cais.runtime.build;

import dev.cais.BuildContext.Git;
import dev.cais.BuildException;
import dev.cais.Digest;
import dev.cais.image.attestation.Provenance;
import dev.cais.image.oci.Hash;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** What git has of a commit. Its name says what the files are, so they are fetched only when a step is carried out. */
final class RemoteRepository implements Remote {
    private final Git address;
    private final Optional<String> checksum;
    private final boolean keepsData;
    private final Path directory;
    private final GitCheckout checkout;
    private Optional<String> commit = Optional.empty();
    private boolean isHere;

    /**
     * @param checksum of the commit, or its beginning
     * @param keepsData whether {@code .git} is copied, too
     * @param directory empty, for the files
     */
    RemoteRepository(Git address, Optional<String> checksum, boolean keepsData, Path directory, GitAccess access) {
        this.address = address;
        this.checksum = checksum;
        this.keepsData = keepsData;
        this.directory = directory;
        this.checkout = new GitCheckout(address, directory, false, access);
    }

    private String commit() {
        if (commit.isEmpty()) {
            var found = checksum.filter(GitCheckout::isCommit)
                    .filter(known -> address.ref().isEmpty())
                    .orElseGet(checkout::commit);
            if (!found.startsWith(checksum.orElse(""))) {
                throw new BuildException(
                        "cannot use " + address + ": it is another commit", Map.of("found", found), "");
            }
            commit = Optional.of(found);
        }
        return commit.get();
    }

    @Override
    public synchronized Digest digest() {
        var what = commit() + "\n" + address.subdirectory() + "\n" + (keepsData ? address.repository() : "");
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
    public String path() {
        return address.subdirectory();
    }
}
