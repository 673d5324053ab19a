package dev.cais.runtime;

import dev.cais.KernelException;
import dev.cais.linux.EventLoop;
import dev.cais.network.HostSettings;
import dev.cais.network.netlink.Link;
import dev.cais.network.netlink.LinkRequest;
import java.time.Duration;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the host filters frames between ports of a bridge, so that a port must send some back. Somebody may switch that on at any
 * time, as Docker does when it starts: ports that were made before are told then, within some seconds or by the next one.
 */
final class BridgedFrames implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BridgedFrames.class);
    private static final Duration LOOK_AGAIN = Duration.ofSeconds(10);

    private final NetworkStack stack;
    private final EventLoop loop;
    private final Executor workers;
    private boolean filtered;
    private boolean closed;
    private EventLoop.@Nullable Timer nextLook;

    BridgedFrames(NetworkStack stack, EventLoop loop, Executor workers) {
        this.stack = stack;
        this.loop = loop;
        this.workers = workers;
    }

    /** From the first question on, it is looked at again and again. */
    synchronized boolean areFiltered() {
        var now = look();
        if (nextLook == null && !closed) {
            lookAgain();
        }
        return now;
    }

    private boolean look() {
        var now = stack.ground().translates() && HostSettings.filtersBridgedFrames();
        if (now && !filtered) {
            stack.links().links().stream()
                    .filter(link -> link.group() == stack.group() && link.kind().equals("veth"))
                    .forEach(this::sendBack);
        }
        filtered = now;
        return now;
    }

    private void sendBack(Link port) {
        try {
            stack.links().execute(LinkRequest.change(port.index()).hairpin(true).request());
        } catch (KernelException e) {
            LOG.debug("{} is gone meanwhile", port.name(), e);
        }
    }

    private void lookAgain() {
        nextLook = loop.schedule(LOOK_AGAIN, () -> workers.execute(this::lookInTime));
    }

    private synchronized void lookInTime() {
        if (!closed) {
            try {
                look();
            } catch (RuntimeException e) {
                LOG.warn("cannot tell ports of bridges to send frames back", e);
            } finally {
                lookAgain();
            }
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (nextLook != null) {
            nextLook.cancel();
        }
    }
}
