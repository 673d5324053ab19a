package dev.cais.runtime.log;

import dev.cais.LogLine;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A caller's consumer, which gets line after line whatever it throws. */
record ToConsumer(Consumer<? super LogLine> consumer) implements Forwarding.Receiver {
    private static final Logger LOG = LoggerFactory.getLogger(ToConsumer.class);

    @Override
    public void take(List<LogLine> lines, Forwarding forwarding) {
        for (var line : lines) {
            if (forwarding.isClosing()) {
                return;
            }
            try {
                consumer.accept(line);
                forwarding.noteDelivered(1);
            } catch (RuntimeException | Error e) {
                if (forwarding.noteFailed(1, e)) {
                    LOG.warn("a consumer of {} failed; it gets the next lines all the same", forwarding, e);
                }
            }
            if (Thread.interrupted()) {
                LOG.debug("a consumer of {} left its thread interrupted", forwarding);
            }
        }
    }

    @Override
    public String problem() {
        return "";
    }

    @Override
    public void end() {
        // a consumer has no end
    }

    @Override
    public boolean isInterruptible() {
        return false;
    }
}
