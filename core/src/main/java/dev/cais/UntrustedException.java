package dev.cais;

import java.util.Map;

/** An image is not one that {@link RegistryOptions#trust(String, TrustRule)} or the policy file accepts. Nothing was given a name. */
public final class UntrustedException extends CorruptContentException {
    private static final long serialVersionUID = 1L;

    public UntrustedException(String problem, Map<String, ?> facts, String help) {
        super(problem, facts, help);
    }
}
