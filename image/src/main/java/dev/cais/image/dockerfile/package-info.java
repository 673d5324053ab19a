/**
 * The language of Dockerfiles: so far the instructions that change what an image says about its containers.
 *
 * <p>A line is parsed once into a {@link ConfigInstruction}, whose errors name the instruction. Words keep their quotes and variables
 * until it is carried out, since only then is it known what the variables stand for.
 *
 * <p>Implements the Dockerfile reference (CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR,
 * Environment replacement, shell and exec form). Not here: whole files and builds.
 */
@NullMarked
package dev.cais.image.dockerfile;

import org.jspecify.annotations.NullMarked;
