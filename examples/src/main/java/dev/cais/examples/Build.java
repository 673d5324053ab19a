package dev.cais.examples;

import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.Image;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * {@code Build CONTEXT [TAG]}: builds a directory with a Dockerfile, and shows how it goes: with live lines on a terminal, else as lines
 * that stay.
 */
public final class Build {
    private Build() {}

    public static void main(String[] arguments) throws Exception {
        var spec = BuildSpec.of(Path.of(arguments[0]));
        if (arguments.length > 1) {
            spec = spec.tag(arguments[1]);
        }
        var size = terminalSize();
        try (var engine = Engine.open()) {
            System.out.println(
                    size.length == 2
                            ? onTerminal(engine, spec, size)
                            : engine.images().build(spec, new PlainProgress(System.out, System::nanoTime)));
        } catch (BuildException e) {
            System.out.println(e.getMessage());
            System.exit(1);
        }
    }

    private static Image onTerminal(Engine engine, BuildSpec spec, String[] size) {
        var view = new TerminalProgress(
                System.out, System::nanoTime, Integer.parseInt(size[1]), Integer.parseInt(size[0]));
        try (var progress = view.ticking()) {
            return engine.images().build(spec, progress);
        }
    }

    /** Lines and columns of what this program writes to, if that is a terminal. */
    private static String[] terminalSize() throws IOException {
        var stty = new ProcessBuilder("stty", "size")
                .redirectInput(new File("/proc/self/fd/1"))
                .start();
        try (var output = stty.getInputStream()) {
            return new String(output.readAllBytes(), StandardCharsets.UTF_8)
                    .strip()
                    .split(" ");
        }
    }
}
