/**
 * Containers as meters of Micrometer, so that Prometheus and others see them. The only package that knows Micrometer, which is an
 * optional dependency: who does not use this package needs no such library. It is built on {@code dev.cais} alone.
 */
@NullMarked
package dev.cais.runtime.micrometer;

import org.jspecify.annotations.NullMarked;
