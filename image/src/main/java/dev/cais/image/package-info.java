/**
 * The images of a store: what there is, what it is called, how it comes and goes.
 *
 * <p>{@link dev.cais.image.ImageCatalog} is what stands behind {@link dev.cais.Images}. An image is a configuration, whose
 * digest is its id, and a manifest; both are blobs, kept byte for byte as they came, and so are the layers, which are also
 * unpacked once. Which images there are and what they are called is one small file of the store:
 *
 * <pre>
 * images.json     the image database: replaced by one rename, so that a load of ten images and twenty names happens at once
 * images.lock     flock: held for moments, by whoever is about to replace it
 * images.host     what the image cais/host was made of, to see cheaply whether it still is
 * images.unswept  is there if blobs or layers may be in the store that nobody refers to
 * </pre>
 *
 * <p>What an image needs is put into the store first, under the store's shared lock, and named in the database last. Nothing
 * counts references: what nobody refers to is found by looking at all images and at the containers of live engines, under the
 * store's exclusive lock. Whoever is killed in between leaves {@code images.unswept}, and content that the next one to finish a
 * load or a removal finds and deletes.
 *
 * <p>Everything here is for many threads. Reading takes no lock. Not here: documents ({@code image.oci}), layers ({@code
 * image.layer}), archives ({@code image.archive}), the image made of the host's programs ({@code image.host}).
 */
@NullMarked
package dev.cais.image;

import org.jspecify.annotations.NullMarked;
