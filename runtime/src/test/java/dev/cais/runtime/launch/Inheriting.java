package dev.cais.runtime.launch;

import dev.cais.linux.Abi;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.ServerSocket;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A JVM that holds sockets, files and a key, and tells what two of its children have of it: one started by the JDK, one by a
 * launch program. Each line is the child's name, a colon, a property, an equals sign and its value.
 */
final class Inheriting {
    private static final String KEY = "cais-launch-test";
    private static final int KEYCTL_SEARCH = 10;
    private static final int SESSION_KEYRING = -3;
    private static final int PR_GET_DUMPABLE = 3;
    private static final String SCRIPT = """
            value() { printf '%s:%s=%s\\n' "$WHO" "$1" "$2"; }
            descriptors=
            for fd in /proc/$$/fd/*; do [ -h $fd ] && descriptors="$descriptors ${fd##*/}"; done
            value descriptors "$descriptors"
            value umask "$(umask)"
            value nice "$(cut -d ' ' -f 19 /proc/$$/stat)"
            value policy "$(cut -d ' ' -f 41 /proc/$$/stat)"
            value ioprio "$(ionice -p $$)"
            value processors "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/$$/status)"
            value oom "$(cat /proc/$$/oom_score_adj)"
            value directory "$(readlink /proc/$$/cwd)"
            value environment "$(tr '\\0' '\\n' </proc/$$/environ | grep -v ^WHO= | wc -l)"
            value session "$([ "$(cut -d ' ' -f 6 /proc/$$/stat)" = $$ ] && echo own || echo inherited)"
            value personality "$(cat /proc/$$/personality)"
            value core "$(cat /proc/$$/coredump_filter)"
            value slack "$(cat /proc/$$/timerslack_ns)"
            value files "$(ulimit -Sn)"
            """;

    private Inheriting() {}

    public static void main(String[] arguments) throws IOException {
        try (var server = new ServerSocket(0);
                var channel = ServerSocketChannel.open();
                var file = new RandomAccessFile("/proc/self/status", "r")) {
            System.out.println("jvm:holds=" + List.of(server, channel, file));
            clearCloseOnExec();
            addKey();
            byTheJdk();
            byALaunchProgram();
        }
    }

    /** As older JDKs leave them. */
    private static void clearCloseOnExec() {
        for (var descriptor = 3; descriptor < 64; descriptor++) {
            Syscalls.call(Syscall.FCNTL, descriptor, Abi.F_SETFD, 0);
        }
    }

    private static void addKey() {
        Syscalls.call(Syscall.KEYCTL, Abi.KEYCTL_JOIN_SESSION_KEYRING, 0);
        try (var scratch = Scratch.frame()) {
            var result = Syscalls.call(
                    Syscall.ADD_KEY,
                    scratch.path("user"),
                    scratch.path(KEY),
                    scratch.path("secret"),
                    6,
                    SESSION_KEYRING);
            System.out.println("jvm:key=" + (result > 0 ? "added" : "none"));
        }
    }

    private static void byTheJdk() throws IOException {
        var builder = new ProcessBuilder("/bin/sh", "-c", SCRIPT);
        builder.environment().put("WHO", "jdk");
        System.out.print(output(builder));
        signals("jdk", output(new ProcessBuilder("/bin/cat", "/proc/self/status")));
    }

    private static String output(ProcessBuilder builder) throws IOException {
        return new String(builder.start().getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    /** Not by the script: shells change what they inherit. */
    private static void signals(String who, String status) {
        status.lines().filter(line -> line.startsWith("Sig")).forEach(line -> {
            System.out.println(who + ":" + line.replaceFirst(":\\s*", "="));
        });
    }

    private static void byALaunchProgram() {
        var program = LaunchProgram.builder();
        program.reportFailuresTo(3);
        search(program, "before");
        program.resetInherited(0, 1, 2, 3).setsid();
        search(program, "after");
        program.step(Syscall.PRCTL, Arg.of(PR_GET_DUMPABLE)).onZero("closed");
        program.write(Arg.of(1), "launch:dumpable=yes\n").goTo("execute");
        program.label("closed").write(Arg.of(1), "launch:dumpable=no\n");
        program.label("execute").closeOnExec(3).execve("/bin/sh", List.of("sh", "-c", SCRIPT), List.of("WHO=launch"));
        var built = program.build();
        var run = Run.of(built);
        if (run.report().length > 0) {
            throw built.failure("cannot start the test's program", run.report());
        }
        System.out.print(run.output());
        var status = LaunchProgram.builder()
                .resetInherited(0, 1, 2, 3)
                .execve("/bin/cat", List.of("cat", "/proc/self/status"), List.of())
                .build();
        signals("launch", Run.of(status).output());
    }

    /** Says whether the JVM's key is found. */
    private static void search(LaunchBuilder program, String when) {
        program.step(
                        Syscall.KEYCTL,
                        Arg.of(KEYCTL_SEARCH),
                        Arg.of(SESSION_KEYRING),
                        program.text("user"),
                        program.text(KEY),
                        Arg.of(0))
                .onFailure(when + ".none");
        program.write(Arg.of(1), "launch:key " + when + "=found\n").goTo(when + ".end");
        program.label(when + ".none").write(Arg.of(1), "launch:key " + when + "=none\n");
        program.label(when + ".end");
    }
}
