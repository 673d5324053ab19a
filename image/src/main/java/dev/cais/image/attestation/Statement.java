package dev.cais.image.attestation;

import dev.cais.Digest;
import dev.cais.image.oci.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Says something of a manifest.
 *
 * @see <a href="https://github.com/in-toto/attestation/blob/main/spec/v0.1.0/statement.md">in-toto Statement v0.1</a>
 */
public final class Statement {
    /** Of a layer that is a statement. */
    public static final String MEDIA_TYPE = "application/vnd.in-toto+json";

    private static final String TYPE = "https://in-toto.io/Statement/v0.1";

    private Statement() {}

    /**
     * The same values give the same bytes.
     *
     * @param names of the manifest, as package URLs; perhaps none
     */
    public static byte[] document(Digest manifest, List<String> names, Predicate predicate) {
        var digest = Map.of(manifest.algorithm(), manifest.hex());
        var subjects = (names.isEmpty() ? List.of("_") : names)
                .stream().map(name -> ordered("name", name, "digest", digest)).toList();
        var statement = ordered("_type", TYPE, "predicateType", predicate.type());
        statement.put("subject", subjects);
        statement.put("predicate", predicate.content());
        return JsonObject.write(statement);
    }

    /** Of keys and values, in order. */
    static Map<String, Object> ordered(Object... pairs) {
        var map = new LinkedHashMap<String, Object>();
        for (var i = 0; i < pairs.length; i += 2) {
            map.put(pairs[i].toString(), pairs[i + 1]);
        }
        return map;
    }
}
