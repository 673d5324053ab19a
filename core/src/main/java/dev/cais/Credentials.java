package dev.cais;

/** Who one is to a registry. {@code toString} never shows a secret, and nothing else does either. */
public sealed interface Credentials {
    /** A user's name and password, or a personal access token in place of the password. */
    static Credentials basic(String user, String password) {
        return new Basic(user, password);
    }

    /** A refresh token that the registry's token server takes in place of a password: {@code identitytoken} in Docker's files. */
    static Credentials identityToken(String token) {
        return new IdentityToken("", token);
    }

    /** A bearer token that is shown to the registry as it is: {@code registrytoken} in Docker's files. */
    static Credentials registryToken(String token) {
        return new RegistryToken(token);
    }

    /** Nobody, whatever configuration files say. */
    static Credentials anonymous() {
        return new Anonymous();
    }

    /**
     * @param user not empty, without a colon
     * @param password may be empty
     */
    record Basic(String user, String password) implements Credentials {
        public Basic {
            if (user.isEmpty() || user.indexOf(':') >= 0) {
                throw new InvalidSpecException("cannot use credentials: the user is empty or has a colon");
            }
        }

        @Override
        public String toString() {
            return "Credentials[" + user + ", password ***]";
        }
    }

    /**
     * @param user for token servers that want a name; may be empty
     * @param token not empty
     */
    record IdentityToken(String user, String token) implements Credentials {
        public IdentityToken {
            requireToken(token);
        }

        @Override
        public String toString() {
            return "Credentials[identity token ***]";
        }
    }

    /** @param token not empty */
    record RegistryToken(String token) implements Credentials {
        public RegistryToken {
            requireToken(token);
        }

        @Override
        public String toString() {
            return "Credentials[registry token ***]";
        }
    }

    /** Nobody. */
    record Anonymous() implements Credentials {
        @Override
        public String toString() {
            return "Credentials[anonymous]";
        }
    }

    private static void requireToken(String token) {
        if (token.isEmpty() || token.chars().anyMatch(letter -> letter <= ' ' || letter >= 0x7f)) {
            throw new InvalidSpecException(
                    "cannot use credentials: the token is empty or has a space or control character");
        }
    }
}
