/**
 * Signatures: who vouches for an image, and whose word is needed before it may be pulled.
 *
 * <p>A {@link dev.cais.image.signature.SimpleSigning} says which digest is meant and by which name; {@link
 * dev.cais.image.signature.Signatures} finds and puts it where cosign does, beside the image. A {@link
 * dev.cais.image.signature.TrustPolicy} is what the engine's options and containers' {@code policy.json} want; it decides by digest,
 * before anything of the image is given a name.
 *
 * <p>Not here: keyless signatures (Fulcio, Rekor) and those of GPG; a policy that wants them rejects.
 */
@NullMarked
package dev.cais.image.signature;

import org.jspecify.annotations.NullMarked;
