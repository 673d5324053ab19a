package dev.cais.image.registry;

import dev.cais.fixtures.Programs;
import dev.cais.image.TestArchive;
import java.nio.file.Path;

/** Certificates of the test's own, made by openssl. */
record TestCertificates(Path directory) {
    /** Makes NAME.pem and NAME.key. */
    Path selfSigned(String name, String subject) {
        Programs.output(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                subject,
                "-keyout",
                path(name + ".key"),
                "-out",
                path(name + ".pem"));
        return directory.resolve(name + ".pem");
    }

    /** The same, signed by {@code ca}. */
    Path signed(String name, String subject, String extension) {
        Programs.output(
                "openssl",
                "req",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                subject,
                "-keyout",
                path(name + ".key"),
                "-out",
                path(name + ".csr"));
        TestArchive.write(directory.resolve(name + ".ext"), TestArchive.bytes(extension + "\n"));
        Programs.output(
                "openssl",
                "x509",
                "-req",
                "-days",
                "2",
                "-in",
                path(name + ".csr"),
                "-CA",
                path("ca.pem"),
                "-CAkey",
                path("ca.key"),
                "-CAcreateserial",
                "-extfile",
                path(name + ".ext"),
                "-out",
                path(name + ".pem"));
        return directory.resolve(name + ".pem");
    }

    private String path(String name) {
        return directory.resolve(name).toString();
    }
}
