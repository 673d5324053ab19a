/**
 * What images are written in: references, media types, descriptors, manifests, indexes and configurations.
 *
 * <p>A document from outside is parsed once, at the edge, into a record; after that nobody looks at JSON again. {@link
 * JsonObject} is the only home of Jackson and says, for whatever it refuses, which field of which document was wrong. The
 * bytes of a document are its identity: whoever keeps one keeps its bytes, and the records are only a reading of them.
 *
 * <p>Implements OCI image spec 1.1.1 (descriptor.md, manifest.md, image-index.md, config.md, media-types.md) and Docker's
 * image manifest version 2 schema 2; references are as Docker's. Not here: where documents come from ({@code
 * image.archive}) and where they are kept ({@code image}). Everything is immutable.
 */
@NullMarked
package dev.cais.image.oci;

import org.jspecify.annotations.NullMarked;
