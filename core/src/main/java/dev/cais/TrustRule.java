package dev.cais;

import java.util.List;

/** Which images may be pulled or copied from some place: see {@link RegistryOptions#trust(String, TrustRule)}. */
public sealed interface TrustRule {
    static TrustRule accept() {
        return new Accept();
    }

    static TrustRule reject() {
        return new Reject();
    }

    /** Those that one of some keys has signed. */
    static TrustRule signedBy(TrustedKey... keys) {
        return new SignedBy(List.of(keys));
    }

    /** All. */
    record Accept() implements TrustRule {
        @Override
        public String toString() {
            return "accept";
        }
    }

    /** None. */
    record Reject() implements TrustRule {
        @Override
        public String toString() {
            return "reject";
        }
    }

    /**
     * Those with a cosign signature for the repository they are pulled from, under their manifest's digest or that of the index they
     * are pulled by.
     *
     * @param keys any of them; at least one
     */
    record SignedBy(List<TrustedKey> keys) implements TrustRule {
        public SignedBy {
            keys = List.copyOf(keys);
            if (keys.isEmpty()) {
                throw new InvalidSpecException("cannot want a signature: no key was named");
            }
        }

        @Override
        public String toString() {
            return "signed by " + keys;
        }
    }
}
