package dev.cais.image.registry;

import java.net.URI;

/**
 * Where a repository is kept.
 *
 * @param registry the name that credentials and certificates are kept under: {@code docker.io}, {@code mirror.corp:5000}
 * @param repository as the server there calls it; empty for the registry as a whole
 */
record Location(String registry, Endpoint endpoint, String repository) {
    /** Of something that the repository has: {@code manifests}, {@code blobs}. */
    URI url(String kind, String last) {
        return endpoint.url("/v2/" + repository + "/" + kind + "/" + last);
    }

    /** As in {@code localhost:5000/library/busybox}. */
    @Override
    public String toString() {
        return repository.isEmpty() ? registry : registry + "/" + repository;
    }
}
