package dev.cais.image.signature;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.ImageReference;
import java.util.Optional;

/**
 * Which name a signature must be for, given the name of the pull.
 *
 * @see <a href="https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md#signedby">containers-policy.json(5),
 *     signedIdentity</a>
 */
sealed interface SignedIdentity {
    /** @param signed the name in a signature */
    boolean allows(ImageReference pulled, String signed);

    /** The same name, tag or digest included: {@code matchExact}. */
    record Exact() implements SignedIdentity {
        @Override
        public boolean allows(ImageReference pulled, String signed) {
            return full(signed).equals(Optional.of(pulled));
        }
    }

    /** The same name with its tag, or, of what is pulled by digest, the same repository: {@code matchRepoDigestOrExact}. */
    record RepositoryOfDigestOrExact() implements SignedIdentity {
        @Override
        public boolean allows(ImageReference pulled, String signed) {
            return pulled.digest().isPresent()
                    ? full(signed).filter(pulled::isSameRepository).isPresent()
                    : full(signed).equals(Optional.of(pulled));
        }
    }

    /** The same repository: {@code matchRepository}. */
    record SameRepository() implements SignedIdentity {
        @Override
        public boolean allows(ImageReference pulled, String signed) {
            return parse(signed).filter(pulled::isSameRepository).isPresent();
        }
    }

    /** One name, whatever is pulled: {@code exactReference}. */
    record ExactReference(ImageReference reference) implements SignedIdentity {
        @Override
        public boolean allows(ImageReference pulled, String signed) {
            return full(signed).equals(Optional.of(reference));
        }
    }

    /** One repository, whatever is pulled: {@code exactRepository}. */
    record ExactRepository(ImageReference reference) implements SignedIdentity {
        @Override
        public boolean allows(ImageReference pulled, String signed) {
            return parse(signed).filter(reference::isSameRepository).isPresent();
        }
    }

    /**
     * As {@link RepositoryOfDigestOrExact}, after another beginning of the pulled name was put in place of its own: {@code
     * remapIdentity}.
     *
     * @param prefix {@code host[:port][/path]}; other names stay as they are
     */
    record Remapped(String prefix, String signedPrefix) implements SignedIdentity {
        @Override
        public boolean allows(ImageReference pulled, String signed) {
            var name = pulled.canonical();
            var end = prefix.length();
            var isBelow = name.startsWith(prefix)
                    && name.length() > end
                    && (name.charAt(end) == '/' || name.charAt(end) == ':' || name.charAt(end) == '@');
            var meant = isBelow ? parse(signedPrefix + name.substring(end)) : Optional.of(pulled);
            return meant.filter(each -> new RepositoryOfDigestOrExact().allows(each, signed))
                    .isPresent();
        }
    }

    /** Empty for what is no name. */
    private static Optional<ImageReference> parse(String text) {
        try {
            return Optional.of(ImageReference.parse(text));
        } catch (InvalidSpecException e) {
            return Optional.empty();
        }
    }

    /** Empty also for a name that leaves the tag to be guessed. */
    private static Optional<ImageReference> full(String text) {
        return ImageReference.isBare(text) ? Optional.empty() : parse(text);
    }
}
