package dev.cais.image.signature;

import static java.util.stream.Collectors.joining;

import dev.cais.Digest;
import dev.cais.ImageSignature;
import dev.cais.RegistryOptions;
import dev.cais.TrustRule;
import dev.cais.TrustedKey;
import dev.cais.UntrustedException;
import dev.cais.image.oci.ImageReference;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** What is needed to trust one name. All of its requirements must be met. */
public final class TrustPolicy {
    private final ImageReference reference;
    private final String scope;
    private final List<Requirement> requirements;

    private TrustPolicy(ImageReference reference, String scope, List<Requirement> requirements) {
        this.reference = reference;
        this.scope = scope;
        this.requirements = requirements;
    }

    /** Something that a policy wants. */
    sealed interface Requirement {
        /** @param why as in {@code wants a GPG signature}; empty for no reason */
        record Reject(String why) implements Requirement {}

        /** @param keys any of them */
        record Signed(List<TrustedKey> keys, SignedIdentity identity) implements Requirement {
            boolean isMetBy(ImageSignature signature, ImageReference pulled) {
                return identity.allows(pulled, signature.reference())
                        && keys.stream().anyMatch(signature::isBy);
            }
        }
    }

    /**
     * What the options want of a name, or else the policy file, if there is one. Beside a digest a tag does not count.
     *
     * @throws dev.cais.InvalidSpecException if the policy file or a key of it cannot be read
     * @throws dev.cais.CorruptContentException if the policy file is broken
     */
    public static TrustPolicy of(ImageReference reference, RegistryOptions options) {
        return ofMeant(reference.digest().isPresent() ? reference.withoutTag() : reference, options);
    }

    private static TrustPolicy ofMeant(ImageReference reference, RegistryOptions options) {
        for (var scope : scopes(reference)) {
            var rule = options.trust().get(scope);
            if (rule != null) {
                return new TrustPolicy(reference, scope, requirements(rule));
            }
        }
        return options.policy()
                .map(file -> PolicyFile.read(file).of(reference))
                .orElseGet(() -> new TrustPolicy(reference, "", List.of()));
    }

    private static List<Requirement> requirements(TrustRule rule) {
        if (rule instanceof TrustRule.SignedBy signed) {
            return List.of(new Requirement.Signed(signed.keys(), new SignedIdentity.SameRepository()));
        }
        return rule instanceof TrustRule.Reject ? List.of(new Requirement.Reject("")) : List.of();
    }

    static TrustPolicy of(
            ImageReference reference, Map<String, List<Requirement>> byScope, List<Requirement> otherwise) {
        for (var scope : scopes(reference)) {
            var found = byScope.get(scope);
            if (found != null) {
                return new TrustPolicy(reference, scope, found);
            }
        }
        return new TrustPolicy(reference, "*", otherwise);
    }

    /**
     * Where to look for what is wanted of a name, nearest first: the name, its repository, what that is below, the registry, the
     * domains that it is below, and {@code *}.
     */
    static List<String> scopes(ImageReference reference) {
        var scopes = new ArrayList<String>();
        scopes.add(reference.canonical());
        var name = reference.registry() + "/" + reference.repository();
        for (var end = name.length(); end > 0; end = name.lastIndexOf('/', end - 1)) {
            scopes.add(name.substring(0, end));
        }
        var port = reference.registry().indexOf(':');
        var host = port < 0 ? reference.registry() : reference.registry().substring(0, port);
        for (var dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
            scopes.add("*" + host.substring(dot));
        }
        scopes.add("*");
        return scopes;
    }

    /**
     * Refuses a name that nothing is accepted from, before anybody is asked.
     *
     * @param task as a sentence begins: {@code cannot pull busybox:latest}
     * @throws UntrustedException if it is so
     */
    public void requireAllowed(String task) {
        for (var requirement : requirements) {
            if (requirement instanceof Requirement.Reject reject) {
                throw new UntrustedException(
                        task + ": the policy for " + scope + " " + (reject.why.isEmpty() ? "rejects it" : reject.why),
                        Map.of(),
                        "");
            }
        }
    }

    /** Whether signatures must be looked at. */
    public boolean wantsSignatures() {
        return requirements.stream().anyMatch(Requirement.Signed.class::isInstance);
    }

    /**
     * Refuses what is not signed as it has to be: by the digest of what has the name, or else by those of all images of it that are
     * pulled.
     *
     * @param root what has the name in the registry
     * @param images of it, if it is an index
     * @param find gives the signatures of a digest
     * @param task as a sentence begins: {@code cannot pull busybox:latest}
     * @throws UntrustedException if it is so
     */
    public void requireSigned(
            Digest root, Collection<Digest> images, Function<Digest, List<ImageSignature>> find, String task) {
        if (!wantsSignatures()) {
            return;
        }
        var found = find.apply(root);
        var problem = problem(found);
        var isIndex = !images.contains(root) && !images.isEmpty();
        if (problem.isPresent()
                && !(isIndex
                        && images.stream()
                                .allMatch(image -> problem(find.apply(image)).isEmpty()))) {
            var facts = new LinkedHashMap<String, Object>();
            facts.put("digest", root);
            facts.put("signatures", found.size());
            throw new UntrustedException(task + ": " + problem.get(), facts, "");
        }
    }

    private Optional<String> problem(List<ImageSignature> signatures) {
        if (signatures.isEmpty()) {
            return Optional.of("it is not signed, and the policy for " + scope + " wants a signature");
        }
        for (var requirement : requirements) {
            if (requirement instanceof Requirement.Signed wanted
                    && signatures.stream().noneMatch(signature -> wanted.isMetBy(signature, reference))) {
                var names = signatures.stream()
                        .filter(signature -> wanted.keys.stream().anyMatch(signature::isBy))
                        .map(ImageSignature::reference)
                        .distinct()
                        .collect(joining(", "));
                return Optional.of(
                        names.isEmpty()
                                ? "none of its signatures is by a key that the policy for " + scope + " trusts"
                                : "it is signed as " + names + ", which the policy for " + scope
                                        + " does not take for the same");
            }
        }
        return Optional.empty();
    }
}
