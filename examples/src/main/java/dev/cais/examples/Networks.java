package dev.cais.examples;

import static dev.cais.Ready.http;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** {@code Networks}: one container finds another by its alias, and the host finds it by a published port. */
public final class Networks {
    private Networks() {}

    public static void main(String[] arguments) throws IOException {
        try (var engine = Engine.open();
                var backend = engine.networks().create("backend")) {
            var server = ContainerSpec.of("busybox")
                    .name("web")
                    .join(backend, "www")
                    .publish(80)
                    .command("sh", "-c", "echo good morning >index.html; exec httpd -f -p 80");
            try (var web = engine.containers().start(server)) {
                web.awaitReady(http(80), Duration.ofMinutes(1));

                var client = ContainerSpec.of("busybox").join(backend).command("wget", "-qO-", "http://www/");
                System.out.print("inside: " + engine.containers().run(client).stdout());

                var page =
                        URI.create("http://127.0.0.1:" + web.hostPort(80) + "/").toURL();
                try (var in = page.openStream()) {
                    System.out.print("outside: " + new String(in.readAllBytes(), StandardCharsets.UTF_8));
                }
                System.out.println(
                        web.ports().size() + " port, " + backend.endpoints().size() + " endpoint, private address: "
                                + web.address(backend).isSiteLocalAddress());
            }
        } // removed: no link, address or rule is left
    }
}
