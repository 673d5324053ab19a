package dev.cais.examples;

import dev.cais.AttachOptions;
import dev.cais.Attachment;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * {@code Terminal IMAGE [COMMAND...]}: a container on the user's own terminal, as {@code docker run -it --rm} has it.
 *
 * <p>The user's terminal is in raw mode meanwhile, so that each key goes to the container's terminal and means there what it means:
 * ctrl-C interrupts the program inside, not this one.
 */
public final class Terminal {
    private Terminal() {}

    public static void main(String[] arguments) throws Exception {
        var spec = ContainerSpec.of(arguments[0]).tty().openStdin();
        if (arguments.length > 1) {
            spec = spec.command(Arrays.copyOfRange(arguments, 1, arguments.length));
        }
        var settings = stty("-g");
        var size = stty("size").split(" ");
        int code;
        try (var engine = Engine.open();
                var box = engine.containers().create(spec);
                var terminal = box.attach(AttachOptions.defaults())) {
            terminal.resize(Integer.parseInt(size[1]), Integer.parseInt(size[0]));
            stty("raw", "-echo");
            box.start();
            pass(terminal);
            terminal.stdout().transferTo(System.out);
            code = box.await().exitCode();
        } finally {
            stty(settings);
        }
        System.exit(code);
    }

    /** Each key, until the container or this JVM ends. */
    private static void pass(Attachment terminal) {
        var keys = new Thread(() -> {
            try {
                System.in.transferTo(terminal.stdin());
            } catch (IOException e) {
                // nobody reads any more
            }
        });
        keys.setDaemon(true);
        keys.start();
    }

    /** Asks or changes the terminal that is this program's standard input. */
    private static String stty(String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of("stty"));
        command.addAll(Arrays.asList(arguments));
        var process = new ProcessBuilder(command)
                .redirectInput(Redirect.INHERIT)
                .redirectError(Redirect.INHERIT)
                .start();
        var answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException("cannot set up the terminal: standard input is none");
        }
        return answer.strip();
    }
}
