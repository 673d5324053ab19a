/**
 * Registries: OCI distribution spec 1.1 and Docker Registry HTTP API V2, spoken over {@code java.net.http}.
 *
 * <p>{@link dev.cais.image.registry.Registries} is what an engine has one of. It knows at which {@link
 * dev.cais.image.registry.Location}s a reference is to be found (mirrors, rewritten names, TLS or not) and gives a {@link
 * dev.cais.image.registry.Repository} for each, which speaks the protocol; blobs come by {@link dev.cais.image.registry.Downloads} and go
 * by {@link dev.cais.image.registry.Uploads}; {@link
 * dev.cais.image.registry.Catalog} is for a registry as a whole. Both hold a {@link dev.cais.image.registry.Conversation}, which asks
 * again, follows redirects, and knows what a refusal means. Below it {@link
 * dev.cais.image.registry.Authentication} decides what a request says about its caller, for one registry and one caller, and
 * {@link dev.cais.image.registry.Transport} moves bytes, with time limits, and knows neither of them.
 *
 * <p>{@link dev.cais.image.registry.ActionsCache}, a cache of GitHub Actions, and {@link dev.cais.image.registry.WebFiles} are no
 * registries; they are here since what moves their bytes, proxies, certificates and time limits are the same.
 *
 * <p>A credential belongs to one registry's host and port. It is sent there, and to the token server that the registry names,
 * and never anywhere else: what a redirect or a foreign layer's URL leads to is asked without. Answers are hostile: sizes,
 * counts and times are bounded, and what has a digest is compared with it.
 *
 * <p>Not here: what is done with content ({@code dev.cais.image}). All types are for many threads, but for streams.
 */
@NullMarked
package dev.cais.image.registry;

import org.jspecify.annotations.NullMarked;
