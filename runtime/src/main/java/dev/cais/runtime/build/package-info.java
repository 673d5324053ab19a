/**
 * Builds: Dockerfiles carried out.
 *
 * <p>A {@link dev.cais.runtime.build.Builder} reads the Dockerfile once and makes a {@link dev.cais.image.dockerfile.BuildPlan}: the stages that
 * the target needs. Each is built by a {@link dev.cais.runtime.build.StageWork}, several at a time; one that needs another's files waits
 * for it. What a stage has come to is a value, {@link dev.cais.runtime.build.StageFiles}: layers, configuration, history.
 *
 * <p>An instruction that changes files is a step. Its {@link dev.cais.runtime.build.StepKey} names all that its outcome depends on:
 * the layers below, the instruction with its variables' values, and what is copied by content, mode and owner, never by time. {@link
 * dev.cais.runtime.build.Steps} finds what the store has for the key, or carries the step out on an overlay of those layers: the upper
 * directory becomes a layer of the store by a rename, having been read once for its digest. What a {@code COPY} writes is planned beforehand and needs no mount to
 * be written; what it wrote the last time, too, the new layer shares with the {@link dev.cais.runtime.build.EarlierLayer}. Whoever else wants the same step at that
 * moment, here or in another process, waits for it.
 *
 * <p>For each platform there is a {@link dev.cais.runtime.build.Construction} of its own; they share the steps. {@link
 * dev.cais.runtime.build.Exports} takes what they came to where it shall go, {@link dev.cais.image.BuildResult} puts manifests and indexes
 * together.
 *
 * <p>Dockerfile and context are strangers': paths are resolved below the context's descriptor, or below the stage's root, by the
 * kernel, and no link leads out. What an engine does for a build is {@link dev.cais.runtime.build.BuildHost}. Not here: the language
 * ({@code dev.cais.image.dockerfile}), containers ({@code dev.cais.runtime}).
 */
@NullMarked
package dev.cais.runtime.build;

import org.jspecify.annotations.NullMarked;
