package dev.cais.runtime.log;

import dev.cais.LogLine;
import dev.cais.LogSink;
import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A driver's sink, which gets the same lines again until it takes them. */
final class ToSink implements Forwarding.Receiver {
    private static final Logger LOG = LoggerFactory.getLogger(ToSink.class);
    private static final long FIRST_PAUSE = 100;
    private static final long LONGEST_PAUSE = 10_000;

    private final LogSink sink;
    private volatile String problem = "";

    ToSink(LogSink sink) {
        this.sink = sink;
    }

    @Override
    public void take(List<LogLine> lines, Forwarding forwarding) throws InterruptedException {
        var pause = FIRST_PAUSE;
        while (true) {
            try {
                sink.write(lines);
                forwarding.noteDelivered(lines.size());
                if (!problem.isEmpty()) {
                    LOG.info("{}: lines are taken again", forwarding);
                    problem = "";
                }
                return;
            } catch (IOException e) {
                if (problem.isEmpty()) {
                    LOG.warn("{}: lines are not taken: {}; they are kept and sent again", forwarding, reason(e));
                }
                problem = reason(e);
            } catch (RuntimeException | Error e) {
                if (forwarding.noteFailed(lines.size(), e)) {
                    LOG.warn("{}: lines are refused and dropped", forwarding, e);
                }
                return;
            }
            if (!forwarding.pause(pause)) {
                forwarding.giveUp(lines.stream()
                        .mapToLong(line -> line.bytes().length + 1)
                        .sum());
                return;
            }
            pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
    }

    private static String reason(IOException e) {
        var message = e.getMessage();
        return message == null ? e.toString() : message;
    }

    @Override
    public String problem() {
        return problem;
    }

    @Override
    public void end() {
        try {
            sink.close();
        } catch (IOException | RuntimeException e) {
            LOG.warn("a log driver's sink cannot be closed", e);
        }
    }

    @Override
    public boolean isInterruptible() {
        return true;
    }
}
