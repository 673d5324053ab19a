package dev.cais.examples;

import dev.cais.ContainerSpec;
import dev.cais.Engine;

/** {@code Hello [IMAGE]}: runs a shell to completion as a plain user and shows all that comes back. */
public final class Hello {
    private Hello() {}

    public static void main(String[] arguments) {
        var image = arguments.length > 0 ? arguments[0] : "busybox";
        var spec = ContainerSpec.of(image)
                .env("GREETING", "good morning")
                .user("nobody")
                .workdir("/tmp")
                .command("sh", "-c", "echo $GREETING from pid $$ in $PWD; id -un >&2; exit 3");
        try (var engine = Engine.open()) {
            var result = engine.containers().run(spec);
            System.out.print("stdout: " + result.stdout()); // good morning from pid 1 in /tmp
            System.out.print("stderr: " + result.stderr()); // nobody
            System.out.println("status: " + result.status()); // exit 3
        }
    }
}
