package dev.cais.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildEvent;
import dev.cais.BuildStep;
import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.LogStream;
import dev.cais.ProgressEvent;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What events look like, with a clock that goes on by a quarter of a second for each. */
class ProgressTest {
    private static final BuildStep BASE = new BuildStep("base", 1, 2, 2, "RUN apt-get install -y gcc");
    private static final BuildStep MAKE = new BuildStep("base", 2, 2, 3, "RUN make");
    private static final BuildStep COPY = new BuildStep("1", 1, 1, 5, "COPY --from=base /out /out");
    private static final BuildStep TOOLS = new BuildStep("tools", 1, 1, 7, "RUN fetch\u001b[2J tools");
    private static final Digest LAYER = Digest.sha256(new byte[32]);

    private static final List<BuildEvent> EVENTS = List.of(
            new BuildEvent.Warned("StageNameCasing", 4, "stage name One is not in lower case"),
            pulling(ProgressEvent.Phase.DOWNLOADING, 30),
            pulling(ProgressEvent.Phase.DONE, 60),
            new BuildEvent.Cached(BASE),
            new BuildEvent.Started(MAKE, "the files changed"),
            new BuildEvent.Started(TOOLS, ""),
            output(MAKE, "cc -c a.c\ncc -c"),
            output(TOOLS, "10 %\r20 %\r"),
            output(MAKE, " b.c\n\u001b[31mwarning\u001b[0m: \u0007unused\n"),
            output(TOOLS, "30 %\r100 %\n"),
            new BuildEvent.Done(TOOLS, Duration.ofMillis(900), ByteSize.bytes(2048)),
            output(MAKE, "1\n2\n3\n4\n5\n6\nlast"),
            new BuildEvent.Done(MAKE, Duration.ofMillis(2345), ByteSize.bytes(4096)),
            new BuildEvent.Started(COPY, ""),
            output(COPY, "no luck"),
            new BuildEvent.Pushing("app:1", transfer(ProgressEvent.Phase.EXISTS, 60)),
            new BuildEvent.Failed(COPY, Duration.ofMillis(20), "the program ended with exit 3"));

    private static BuildEvent pulling(ProgressEvent.Phase phase, long done) {
        return new BuildEvent.Pulling("debian:12", transfer(phase, done));
    }

    private static ProgressEvent transfer(ProgressEvent.Phase phase, long done) {
        var all = ByteSize.bytes(60 << 20);
        var part = ByteSize.bytes(done << 20);
        return new ProgressEvent(LAYER, phase, part, all, part, all);
    }

    private static BuildEvent output(BuildStep step, String text) {
        return new BuildEvent.Output(step, LogStream.STDOUT, text.getBytes(StandardCharsets.UTF_8));
    }

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(written, true, StandardCharsets.UTF_8);
    private long time;

    private void tell(Consumer<BuildEvent> view, List<BuildEvent> events) {
        for (var event : events) {
            time += Duration.ofMillis(250).toNanos();
            view.accept(event);
        }
    }

    private String screen() {
        return Screen.of(written.toString(StandardCharsets.UTF_8));
    }

    @Test
    void linesThatStay() {
        tell(new PlainProgress(out, () -> time), EVENTS);

        assertThat(written.toString(StandardCharsets.UTF_8)).isEqualTo("""
                WARN: line 4: stage name One is not in lower case (StageNameCasing)
                #1 pulling debian:12
                #1 sha256:000000000000 60.0 MiB

                #2 [base 1/2] RUN apt-get install -y gcc
                #2 CACHED

                #3 [base 2/2] RUN make
                #3 because the files changed

                #4 [tools 1/1] RUN fetch tools

                #3 [base 2/2] RUN make
                #3 0.500 cc -c a.c
                #3 1.000 cc -c b.c
                #3 1.000 warning: unused

                #4 [tools 1/1] RUN fetch tools
                #4 1.000 100 %
                #4 DONE 0.9s, 2.0 KiB

                #3 [base 2/2] RUN make
                #3 1.750 1
                #3 1.750 2
                #3 1.750 3
                #3 1.750 4
                #3 1.750 5
                #3 1.750 6
                #3 2.000 last
                #3 DONE 2.3s, 4.0 KiB

                #5 [1 1/1] COPY --from=base /out /out

                #6 pushing app:1
                #6 sha256:000000000000 60.0 MiB

                #5 [1 1/1] COPY --from=base /out /out
                #5 0.750 no luck
                #5 ERROR: the program ended with exit 3
                """);
    }

    @Test
    void linesOfATerminalWhileStepsAreRunning() {
        var view = new TerminalProgress(out, () -> time, 60, 24);
        tell(view, EVENTS.subList(0, 10));

        assertThat(screen()).isEqualTo("""
                WARN: line 4: stage name One is not in lower case (StageNa…
                 => pulling debian:12                                  0.3s
                 => CACHED [base 1/2] RUN apt-get install -y gcc       0.0s
                [+] Building, 2 done, 2 running                        2.5s
                 => [base 2/2] RUN make                                1.3s
                 => => cc -c a.c
                 => => cc -c b.c
                 => => warning: unused
                 => [tools 1/1] RUN fetch tools                        1.0s
                 => => 100 %
                """);
    }

    @Test
    void linesOfATerminalInTheEnd() {
        try (var view = new TerminalProgress(out, () -> time, 60, 24)) {
            tell(view, EVENTS);
        }

        assertThat(screen()).isEqualTo("""
                WARN: line 4: stage name One is not in lower case (StageNa…
                 => pulling debian:12                                  0.3s
                 => CACHED [base 1/2] RUN apt-get install -y gcc       0.0s
                 => [tools 1/1] RUN fetch tools                        0.9s
                 => [base 2/2] RUN make                                2.3s
                 => pushing app:1                                      0.0s
                 => ERROR [1 1/1] COPY --from=base /out /out           0.0s
                 => => no luck
                [+] Failed, 5 done                                     4.3s
                """);
    }

    @Test
    void noMoreIsDrawnThanTheTerminalHasLines() {
        var view = new TerminalProgress(out, () -> time, 30, 4);
        tell(view, EVENTS.subList(4, 10));

        assertThat(screen()).isEqualTo("""
                [+] Building, 0 done, 2… 1.5s
                 => [base 2/2] RUN make  1.3s
                 => => cc -c a.c
                """);
    }
}
