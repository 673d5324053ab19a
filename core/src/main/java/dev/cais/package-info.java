/**
 * What callers import: the engine and its collections, specs (immutable records that return changed copies), results and
 * errors (a closed family). Signatures hold only JDK types and each other.
 */
@NullMarked
package dev.cais;

import org.jspecify.annotations.NullMarked;
