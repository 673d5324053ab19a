/**
 * The language of Dockerfiles, without carrying one out.
 *
 * <p>A {@link Dockerfile} is read once, at the edge: its lines become {@link Instruction}s, records whose options and arguments fit
 * together, by {@link Stage}. What has quotes or variables stays a {@link Word} until the instruction is carried out, since only then
 * is it known what the variables stand for: {@link BuildArguments} are those of the whole build, and a {@link StageState} is what
 * instruction after instruction makes of them and of an image's configuration.
 *
 * <p>A {@link BuildPlan} says which stages a build needs and where each of their files comes from; {@link Lint} says what in them is most
 * likely a mistake. {@link PathPatterns} and {@link Glob} choose files by their names.
 *
 * <p>The words are BuildKit's: where its reference and what it does differ, this does what it does. Limits and errors are our own. What
 * comes from a file is never read by recursion but in nested variables, 32 deep. Everything here is immutable, except while it reads.
 *
 * <p>Implements the Dockerfile reference as of syntax 1.27. Not here: files, images and programs ({@code runtime.build}).
 */
@NullMarked
package dev.cais.image.dockerfile;

import org.jspecify.annotations.NullMarked;
