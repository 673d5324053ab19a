package dev.cais;

/** In which version of SLSA's form it is said how an image was made. */
public enum SlsaVersion {
    /** BuildKit's {@code version=v0.2}. */
    V0_2,
    /** BuildKit's {@code version=v1}. */
    V1
}
