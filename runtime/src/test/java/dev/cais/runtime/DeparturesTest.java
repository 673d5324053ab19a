package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DeparturesTest {
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private final Departures departures = new Departures(waiting::add);
    private final List<String> done = new ArrayList<>();

    @Test
    void whoIsInterruptedWaitsNoLonger() {
        departures.later(() -> done.add("interface"));
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> departures.await("cannot remove network backend"))
                .isInstanceOf(CancelledException.class)
                .hasMessage("cannot remove network backend: the thread was interrupted");

        assertThat(Thread.interrupted()).isTrue();
        assertThat(done).isEmpty();
    }

    @Test
    void whatStandsInTheWayIsWaitedForOnce() {
        departures.later(() -> done.add("interface"));
        var leaving = new Thread(() -> waiting.remove().run());

        var taken = departures.patiently("cannot start container web", () -> {
            if (leaving.getState() == Thread.State.NEW) {
                leaving.start();
                throw new ConflictException("its address is taken");
            }
            return List.copyOf(done);
        });

        assertThat(taken).containsExactly("interface");
    }

    @Test
    void theEndComesWhenAllIsGone() {
        departures.later(() -> done.add("interface"));
        var closing = Thread.currentThread();
        new Thread(() -> {
                    while (closing.getState() != Thread.State.WAITING) {
                        Thread.onSpinWait();
                    }
                    waiting.remove().run();
                })
                .start();

        departures.close();

        assertThat(done).containsExactly("interface");
    }

    @Test
    void afterTheEndThingsAreTakenAwayAtOnce() {
        departures.close();

        departures.later(() -> done.add("place"));
        departures.await("cannot prune networks");

        assertThat(done).containsExactly("place");
        assertThat(waiting).isEmpty();
    }

    @Test
    void whatCannotBeRemovedIsNoFailure() {
        departures.later(() -> {
            throw new IllegalStateException("refused");
        });
        waiting.remove().run();

        departures.close();
        departures.await("cannot prune networks");
    }
}
