package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.FileInputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A container has nothing of its JVM's, however that was started; asked from inside. */
@RequiresRoot
@RequiresProgram({"nohup", "nice", "taskset"})
@LeakChecked
class InheritedByContainerTest {
    private static final String QUESTIONS =
            "ls /proc/self/fd | tr '\\n' ' '; echo; umask; pwd; env | cut -d= -f1 | sort | tr '\\n' ' '; echo;"
                    + "grep -E '^(SigBlk|SigIgn|Cpus_allowed_list|NoNewPrivs)' /proc/self/status;"
                    + "cat /proc/self/oom_score_adj; cut -d' ' -f5,6,19 /proc/1/stat; readlink /proc/1/exe; ps >/tmp/seen; wc -l </tmp/seen";

    /** Runs a container that answers the questions, while it holds what a server holds. */
    static final class Server {
        public static void main(String[] args) throws Exception {
            try (var socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
                    var file = new FileInputStream("/etc/passwd");
                    var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])))) {
                var result = engine.containers().run(ContainerSpec.of("busybox").command("sh", "-c", QUESTIONS));
                System.out.print(result.stdout() + result.stderr());
                System.out.println(result.exitCode() + " " + socket.isBound() + " " + (file.read() >= 0));
            }
        }
    }

    @Test
    void nothingOfTheJvmsIsSeen(TestStore store) throws Exception {
        store.openEngineWithBusybox().close();
        var wrapper = List.of(
                "sh",
                "-c",
                "umask 077; cd /tmp; trap '' CHLD PIPE USR1; SECRET=jvm exec nohup nice -n 5 taskset 1 \"$@\"",
                "sh");
        try (var server = ChildJvm.start(
                wrapper,
                List.of("-XX:TieredStopAtLevel=1"),
                Server.class,
                store.path().toString())) {
            assertThat(server.readLines())
                    .containsExactly(
                            "0 1 2 3 ",
                            "0022",
                            "/",
                            "HOME HOSTNAME PATH PWD SHLVL ",
                            "SigBlk:\t0000000000000000",
                            "SigIgn:\t0000000000000000",
                            "NoNewPrivs:\t0",
                            "Cpus_allowed_list:\t" + allProcessors(),
                            "0",
                            "1 1 0",
                            "/bin/busybox",
                            "3", // a head, the shell, and ps
                            "0 true true");
        }
    }

    private static String allProcessors() throws Exception {
        return Files.readAllLines(Path.of("/sys/devices/system/cpu/online")).get(0);
    }
}
