package dev.cais.runtime.ssh;

import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.runtime.ssh.SshKey.Rsa;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A file with a private key: OpenSSH's own form, PKCS #8 (RFC 5208), PKCS #1 (RFC 8017, A.1.2) or SEC 1 (RFC 5915).
 *
 * @see <a href="https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key">OpenSSH, PROTOCOL.key</a>
 */
final class KeyFile {
    private static final int LARGEST = 100 * 1024;
    private static final Pattern PEM =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n(.*?)-----END \\1-----", Pattern.DOTALL);
    private static final Pattern PUBLIC = Pattern.compile("(ssh|ecdsa|sk)-[a-z0-9@.-]+ .*", Pattern.DOTALL);
    private static final String OPENSSH_MAGIC = "openssh-key-v1\0";
    private static final String OTHER_KEYS = "give RSA, ECDSA or Ed25519, or the socket of an agent that has it";

    private static final byte[] OID_RSA = oid("2a864886f70d010101");
    private static final byte[] OID_EC = oid("2a8648ce3d0201");
    private static final byte[] OID_ED25519 = oid("2b6570");
    private static final Map<String, String> CURVES = Map.of(
            "2a8648ce3d030107", "nistp256",
            "2b81040022", "nistp384",
            "2b81040023", "nistp521");

    private final String cannot;

    private KeyFile(Path file) {
        this.cannot = "cannot use ssh key " + file + ": ";
    }

    /**
     * Reads one.
     *
     * @throws NotFoundException if it is not there
     * @throws InvalidSpecException if it is none that can be used, or encrypted
     */
    static SshKey read(Path file) {
        var read = new KeyFile(file);
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException(read.cannot + "there is no such file");
        }
        try (var in = Files.newInputStream(file)) {
            var content = in.readNBytes(LARGEST + 1);
            if (content.length > LARGEST) {
                throw read.refused("it has more than 100 KiB", "");
            }
            return read.key(new String(content, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw new StorageException(read.cannot + e, Map.of(), "", e);
        }
    }

    private InvalidSpecException refused(String why, String help) {
        return new InvalidSpecException(cannot + why, help);
    }

    private InvalidSpecException encrypted() {
        return refused("it is encrypted", "add it to an agent with ssh-add, and give the agent's socket");
    }

    private SshKey key(String text) {
        var pem = PEM.matcher(text);
        if (!pem.find()) {
            throw PUBLIC.matcher(text).lookingAt()
                    ? refused("it is a public key", "give the private one")
                    : refused("it is no key in OpenSSH's form or PEM", "");
        }
        var body = pem.group(2);
        if (pem.group(1).equals("ENCRYPTED PRIVATE KEY") || body.contains("Proc-Type: 4,ENCRYPTED")) {
            throw encrypted();
        }
        try {
            var bytes = ByteBuffer.wrap(Base64.getDecoder().decode(body.replaceAll("\\s+", "")));
            return switch (pem.group(1)) {
                case "OPENSSH PRIVATE KEY" -> openSsh(bytes);
                case "PRIVATE KEY" -> pkcs8(bytes);
                case "RSA PRIVATE KEY" -> pkcs1(bytes);
                case "EC PRIVATE KEY" -> sec1(bytes, "");
                default -> throw refused("it is of another kind: " + pem.group(1), OTHER_KEYS);
            };
        } catch (IllegalArgumentException | GeneralSecurityException e) {
            throw refused("it is damaged", "");
        }
    }

    private SshKey openSsh(ByteBuffer all) throws GeneralSecurityException {
        var magic = new byte[Math.min(OPENSSH_MAGIC.length(), all.remaining())];
        all.get(magic);
        if (!Arrays.equals(magic, OPENSSH_MAGIC.getBytes(StandardCharsets.US_ASCII))) {
            throw new IllegalArgumentException("no magic");
        }
        if (!Fields.text(all).equals("none")) {
            throw encrypted();
        }
        Fields.string(all); // how a passphrase becomes a key
        Fields.string(all);
        if (Fields.number(all) != 1) {
            throw refused("it has several keys", "give a file for each");
        }
        Fields.string(all); // the public key, which the private one has, too
        var fields = ByteBuffer.wrap(Fields.string(all));
        var check = Fields.number(fields);
        if (Fields.number(fields) != check) {
            throw new IllegalArgumentException("two numbers that are not equal");
        }
        var kind = Fields.text(fields);
        if (kind.equals(SshKey.ED25519)) {
            Fields.string(fields);
            var seed = Arrays.copyOf(Fields.string(fields), 32);
            return SshKey.ofEd25519(seed, Fields.text(fields));
        } else if (kind.equals(SshKey.RSA)) {
            var n = Fields.integer(fields);
            var e = Fields.integer(fields);
            var d = Fields.integer(fields);
            var inverse = Fields.integer(fields);
            var p = Fields.integer(fields);
            return SshKey.ofRsa(new Rsa(n, e, d, p, Fields.integer(fields), inverse), Fields.text(fields));
        } else if (kind.startsWith(SshKey.ECDSA)) {
            var curve = Fields.text(fields);
            var point = Fields.string(fields);
            var secret = Fields.integer(fields);
            return SshKey.ofEcdsa(curve, point, secret, Fields.text(fields));
        }
        throw refused("it is of another kind: " + kind.replaceAll("[^A-Za-z0-9@.-]", "?"), OTHER_KEYS);
    }

    private SshKey pkcs8(ByteBuffer all) throws GeneralSecurityException {
        var sequence = Der.sequence(all);
        Der.integer(sequence);
        var algorithm = Der.sequence(sequence);
        var kind = Der.read(algorithm, Der.OBJECT);
        var key = ByteBuffer.wrap(Der.read(sequence, Der.OCTETS));
        if (Arrays.equals(kind, OID_RSA)) {
            return pkcs1(key);
        } else if (Arrays.equals(kind, OID_EC)) {
            return sec1(key, curve(Der.read(algorithm, Der.OBJECT)));
        } else if (Arrays.equals(kind, OID_ED25519)) {
            return SshKey.ofEd25519(Der.read(key, Der.OCTETS), "");
        }
        throw refused("it is of another kind", OTHER_KEYS);
    }

    private static SshKey pkcs1(ByteBuffer all) throws GeneralSecurityException {
        var sequence = Der.sequence(all);
        Der.integer(sequence);
        var n = Der.integer(sequence);
        var e = Der.integer(sequence);
        var d = Der.integer(sequence);
        var p = Der.integer(sequence);
        var q = Der.integer(sequence);
        Der.integer(sequence); // d mod p - 1
        Der.integer(sequence); // d mod q - 1
        return SshKey.ofRsa(new Rsa(n, e, d, p, q, Der.integer(sequence)), "");
    }

    /** @param given the curve, if it is told beside the key */
    private SshKey sec1(ByteBuffer all, String given) throws GeneralSecurityException {
        var sequence = Der.sequence(all);
        Der.integer(sequence);
        var secret = new BigInteger(1, Der.read(sequence, Der.OCTETS));
        var curve = given;
        if (Der.isNext(sequence, Der.PARAMETERS)) {
            curve = curve(Der.read(ByteBuffer.wrap(Der.read(sequence, Der.PARAMETERS)), Der.OBJECT));
        }
        if (!Der.isNext(sequence, Der.PUBLIC_KEY)) {
            throw refused("it has no public key beside the private one", "write it anew with ssh-keygen -p");
        }
        var bits = Der.read(ByteBuffer.wrap(Der.read(sequence, Der.PUBLIC_KEY)), Der.BITS);
        return SshKey.ofEcdsa(curve, Arrays.copyOfRange(bits, 1, bits.length), secret, "");
    }

    private static String curve(byte[] oid) {
        var hex = new BigInteger(1, oid).toString(16);
        return CURVES.getOrDefault(hex, "");
    }

    private static byte[] oid(String hex) {
        return new BigInteger(hex, 16).toByteArray();
    }
}
