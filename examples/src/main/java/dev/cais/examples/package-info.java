/**
 * Small programs that use Cais as its users do: each has a {@code main}, knows only {@code dev.cais}, and is run by a test.
 *
 * <p>{@link Demo} needs nothing but a JDK. The others run images that stand in the store; {@code -Dcais.store=DIRECTORY} names
 * another store. {@link Build} shows how a build goes, on a terminal or as plain lines; {@link JavaImage} makes an image of a Java
 * program without a Dockerfile. {@code session.jsh}, beside this package, is the same for {@code jshell}.
 */
@NullMarked
package dev.cais.examples;

import org.jspecify.annotations.NullMarked;
