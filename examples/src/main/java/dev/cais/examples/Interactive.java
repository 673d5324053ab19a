package dev.cais.examples;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.ExecSpec;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A conversation with a shell on a terminal, a program beside a container's own, files in and out, pause and signals. */
public final class Interactive {
    private Interactive() {}

    public static void main(String[] args) throws Exception {
        try (var engine = Engine.open();
                var box = engine.containers()
                        .start(ContainerSpec.of("busybox").command("sh").tty().openStdin())) {
            var terminal = box.attach();
            terminal.resize(120, 40);
            terminal.stdin().write("stty size; exit 5\n".getBytes(StandardCharsets.UTF_8));
            terminal.stdin().flush();
            System.out.println(new String(terminal.stdout().readAllBytes(), StandardCharsets.UTF_8)); // … 40 120 …
            System.out.println(box.onExit().get().exitCode()); // 5

            try (var idle =
                    engine.containers().start(ContainerSpec.of("busybox").command("sleep", "60"))) {
                var exec = idle.exec(ExecSpec.of("sh", "-c", "cat; id -u; pwd")
                        .stdin("typed\n")
                        .user("nobody")
                        .workdir("/tmp"));
                System.out.print(exec.stdout()); // typed, 65534, /tmp
                idle.copyIn(Path.of("/etc/hostname"), "/tmp/");
                idle.copyOut("/tmp/hostname", Path.of("/tmp"));
                idle.pause();
                System.out.println(idle.state()); // PAUSED
                idle.unpause();
                idle.kill("TERM");
            }
        }
    }
}
