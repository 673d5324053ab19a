package dev.cais.image.registry;

import dev.cais.InvalidSpecException;
import dev.cais.RegistryOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/** Whom to trust, and what to show of oneself, read from PEM files when they are first needed. */
final class Certificates {
    private static final Pattern KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");
    private static final char[] NO_PASSWORD = {};

    private final RegistryOptions options;

    Certificates(RegistryOptions options) {
        this.options = options;
    }

    /**
     * Empty where the JVM's own will do.
     *
     * @throws InvalidSpecException if a file cannot be read or is no certificate or key
     */
    Optional<SSLContext> context(String registry) {
        var own = Optional.ofNullable(options.clientCertificates().get(registry));
        if (own.isEmpty() && options.authorities().isEmpty()) {
            return Optional.empty();
        }
        try {
            var context = SSLContext.getInstance("TLS");
            context.init(
                    own.isEmpty() ? null : keyManagers(own.get()),
                    options.authorities().isEmpty() ? null : trustManagers(options.authorities()),
                    null);
            return Optional.of(context);
        } catch (GeneralSecurityException e) {
            throw new InvalidSpecException(
                    "cannot use certificates: " + e.getMessage(), Map.of("authorities", options.authorities()), "", e);
        }
    }

    private static TrustManager[] trustManagers(List<Path> authorities) throws GeneralSecurityException {
        var store = emptyStore();
        for (var file : authorities) {
            for (var certificate : certificates(file)) {
                store.setCertificateEntry(Integer.toString(store.size()), certificate);
            }
        }
        return new TrustManager[] {new Either(trustManager(null), trustManager(store))};
    }

    /** @param authorities the JVM's if null */
    private static X509TrustManager trustManager(@Nullable KeyStore authorities) throws GeneralSecurityException {
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(authorities);
        for (var manager : factory.getTrustManagers()) {
            if (manager instanceof X509TrustManager found) {
                return found;
            }
        }
        throw new GeneralSecurityException("this JVM has no X.509 trust manager");
    }

    private static KeyManager[] keyManagers(RegistryOptions.ClientCertificate own) throws GeneralSecurityException {
        var store = emptyStore();
        store.setKeyEntry(
                "own",
                privateKey(own.key()),
                NO_PASSWORD,
                certificates(own.certificate()).toArray(Certificate[]::new));
        var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, NO_PASSWORD);
        return factory.getKeyManagers();
    }

    private static KeyStore emptyStore() throws GeneralSecurityException {
        var store = KeyStore.getInstance("PKCS12");
        try {
            store.load(null, null);
        } catch (IOException e) {
            throw new GeneralSecurityException(e);
        }
        return store;
    }

    private static List<X509Certificate> certificates(Path file) throws GeneralSecurityException {
        var found = new ArrayList<X509Certificate>();
        for (var certificate :
                CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(read(file)))) {
            if (certificate instanceof X509Certificate known) {
                found.add(known);
            }
        }
        if (found.isEmpty()) {
            throw new InvalidSpecException("cannot use certificates of " + file + ": there are none");
        }
        return found;
    }

    private static PrivateKey privateKey(Path file) throws GeneralSecurityException {
        var pem = KEY.matcher(new String(read(file), StandardCharsets.US_ASCII));
        if (!pem.find()) {
            throw new InvalidSpecException(
                    "cannot use the key of " + file + ": it is no PKCS #8 key in PEM, or is encrypted",
                    "convert it with openssl pkcs8 -topk8 -nodes");
        }
        var encoded = new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem.group(1)));
        for (var algorithm : List.of("RSA", "EC", "Ed25519")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(encoded);
            } catch (InvalidKeySpecException e) {
                // of another algorithm
            }
        }
        throw new InvalidSpecException("cannot use the key of " + file + ": it is neither RSA, EC nor Ed25519");
    }

    private static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new InvalidSpecException(
                    "cannot read " + file + ": " + e.getClass().getSimpleName(), Map.of(), "", e);
        }
    }

    /** Trusts what one of two trusts. */
    private record Either(X509TrustManager first, X509TrustManager second) implements X509TrustManager {
        @Override
        public void checkServerTrusted(X509Certificate[] chain, String algorithm) throws CertificateException {
            try {
                first.checkServerTrusted(chain, algorithm);
            } catch (CertificateException e) {
                second.checkServerTrusted(chain, algorithm);
            }
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String algorithm) throws CertificateException {
            throw new CertificateException("nobody is served here");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            var both = new ArrayList<>(List.of(first.getAcceptedIssuers()));
            both.addAll(List.of(second.getAcceptedIssuers()));
            return both.toArray(X509Certificate[]::new);
        }
    }
}
