package dev.cais.image.attestation;

import static dev.cais.image.attestation.Statement.ordered;

import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.linux.Fd;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A bill of materials.
 *
 * @see <a href="https://spdx.github.io/spdx-spec/v2.3/">SPDX 2.3</a>
 */
public final class SpdxDocument {
    private static final String TYPE = "https://spdx.dev/Document";
    private static final String UNSAID = "NOASSERTION";
    private static final String ROOT = "SPDXRef-DocumentRoot";
    private static final int LONGEST = 1024;

    private SpdxDocument() {}

    /**
     * Lists the packages of an image. The same files, name and time give the same document.
     *
     * @param root of its files, not closed
     * @param name of what is described
     * @throws dev.cais.BuildException if there is no end of packages
     */
    public static Predicate of(Fd root, String name, Instant created) {
        return of(root, name, created, path -> false);
    }

    /**
     * The same of some of the files.
     *
     * @param hidden paths of archives that are none of them
     */
    public static Predicate of(Fd root, String name, Instant created, java.util.function.Predicate<String> hidden) {
        return of(PackageScan.packages(root, hidden), name, created);
    }

    static Predicate of(List<SoftwarePackage> found, String name, Instant created) {
        var packages = new ArrayList<Map<String, Object>>();
        var relations = new ArrayList<Map<String, Object>>();
        packages.add(described(ROOT, name, "", ""));
        relations.add(relation("SPDXRef-DOCUMENT", "DESCRIBES", ROOT));
        for (var one : found) {
            var id = "SPDXRef-Package-" + packages.size();
            packages.add(described(id, one));
            relations.add(relation(ROOT, "CONTAINS", id));
        }
        var document = ordered("spdxVersion", "SPDX-2.3", "dataLicense", "CC0-1.0", "SPDXID", "SPDXRef-DOCUMENT");
        document.put("name", cut(name));
        // another document has another name
        var content = Hash.sha256(JsonObject.write(List.of(name, created.toString(), packages)));
        document.put("documentNamespace", "https://spdx.org/spdxdocs/cais-" + content.hex());
        document.put(
                "creationInfo",
                ordered(
                        "creators",
                        List.of("Tool: cais"),
                        "created",
                        created.truncatedTo(ChronoUnit.SECONDS).toString()));
        document.put("packages", packages);
        document.put("relationships", relations);
        return new Predicate(TYPE, document);
    }

    private static Map<String, Object> described(String id, SoftwarePackage one) {
        var described = described(id, one.name(), one.version(), one.supplier());
        described.put("sourceInfo", "found in " + cut(one.foundIn()));
        if (!one.url().isEmpty()) {
            described.put(
                    "externalRefs",
                    List.of(ordered(
                            "referenceCategory",
                            "PACKAGE-MANAGER",
                            "referenceType",
                            "purl",
                            "referenceLocator",
                            one.url())));
        }
        return described;
    }

    private static Map<String, Object> described(String id, String name, String version, String supplier) {
        var described = ordered("name", cut(name), "SPDXID", id);
        if (!version.isEmpty()) {
            described.put("versionInfo", cut(version));
        }
        described.put(
                "supplier",
                supplier.isEmpty() ? UNSAID : "Person: " + cut(supplier).replaceFirst("<(.*)>", "($1)"));
        described.put("downloadLocation", UNSAID);
        described.put("filesAnalyzed", false);
        described.put("licenseConcluded", UNSAID);
        described.put("licenseDeclared", UNSAID);
        described.put("copyrightText", UNSAID);
        return described;
    }

    private static Map<String, Object> relation(String one, String kind, String other) {
        return ordered("spdxElementId", one, "relationshipType", kind, "relatedSpdxElement", other);
    }

    private static String cut(String text) {
        return text.length() <= LONGEST ? text : text.substring(0, LONGEST);
    }
}
