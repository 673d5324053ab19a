package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class EventLoopTest {
    @Test
    void performedTaskIsDoneOnTheLoopsThreadBeforeTheCallReturns() {
        try (var loop = new EventLoop("loop-of-test")) {
            var ran = new AtomicReference<String>();
            loop.perform(() -> ran.set(Thread.currentThread().getName()));
            assertThat(ran).hasValue("loop-of-test");
            assertThatThrownBy(() -> loop.perform(() -> {
                        throw new IllegalStateException("as told");
                    }))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("as told");
        }
    }

    @Test
    void performedTaskRunsAtTheCallerWhenTheLoopHasEnded() {
        var loop = new EventLoop("loop-of-test");
        loop.close();
        var ran = new AtomicReference<Thread>();
        loop.perform(() -> ran.set(Thread.currentThread()));
        assertThat(ran).hasValue(Thread.currentThread());
    }

    @Test
    void interruptedCallerWaitsForItsTaskAndKeepsTheFlag() {
        try (var loop = new EventLoop("loop-of-test")) {
            var ran = new CountDownLatch(1);
            Thread.currentThread().interrupt();
            loop.perform(ran::countDown);
            assertThat(Thread.interrupted()).isTrue();
            assertThat(ran.getCount()).isZero();
        }
    }

    @Test
    void bothDirectionsAreReportedAtTheirChangesAndAgainWhenAsked() throws InterruptedException {
        var seen = new ArrayBlockingQueue<Integer>(16);
        var count = new int[1];
        try (var loop = new EventLoop("loop-of-test");
                var pair = DescriptorSocket.pair()) {
            var watch = loop.watchBoth(pair.ours().fd().duplicate(), ready -> seen.add(++count[0]));
            assertThat(seen.poll(30, TimeUnit.SECONDS)).as("it can be written").isEqualTo(1);
            loop.perform(watch::resume);
            assertThat(seen.poll(30, TimeUnit.SECONDS)).as("it still can").isEqualTo(2);
            pair.theirs().close();
            assertThat(seen.poll(30, TimeUnit.SECONDS))
                    .as("the other end is gone")
                    .isEqualTo(3);
            loop.perform(watch::close);
        }
    }

    @Test
    void timerRunsWhenItIsDueUnlessItWasCancelled() throws InterruptedException {
        var seen = new ArrayBlockingQueue<String>(16);
        try (var loop = new EventLoop("loop-of-test")) {
            loop.perform(
                    () -> { // so that nothing is due in between
                        loop.schedule(Duration.ZERO, () -> seen.add("cancelled"))
                                .cancel();
                        loop.schedule(Duration.ofMillis(1), () -> seen.add("due"));
                    });
            assertThat(seen.poll(30, TimeUnit.SECONDS)).isEqualTo("due");
        }
    }
}
