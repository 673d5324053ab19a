package dev.cais.image.registry;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A body while it arrives: some pieces ahead of its reader and no more, and with a limit for the time in which nothing comes,
 * which the JDK's client does not have. Closing it before its end closes the connection.
 */
final class ResponseBody extends InputStream implements HttpResponse.BodySubscriber<ResponseBody> {
    /** Of 16 KiB in HTTP/1.1. */
    private static final int PIECES_AHEAD = 64;

    private static final Object END = new Object();
    private static final Flow.Subscription CANCELLED = new Flow.Subscription() {
        @Override
        public void request(long count) {}

        @Override
        public void cancel() {}
    };

    private final Duration stall;
    private final Task task;
    private final AtomicReference<Flow.@Nullable Subscription> subscription = new AtomicReference<>();
    private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();
    private final ArrayDeque<ByteBuffer> pieces = new ArrayDeque<>();
    private boolean ended;

    ResponseBody(Duration stall, Task task) {
        this.stall = stall;
        this.task = task;
    }

    @Override
    public CompletionStage<ResponseBody> getBody() {
        return CompletableFuture.completedFuture(this); // the reader need not wait for the end
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        if (subscription.compareAndSet(null, given)) {
            given.request(PIECES_AHEAD);
        } else {
            given.cancel();
        }
    }

    @Override
    public void onNext(List<ByteBuffer> item) {
        arrived.add(item);
    }

    @Override
    public void onError(Throwable failure) {
        arrived.add(failure);
    }

    @Override
    public void onComplete() {
        arrived.add(END);
    }

    @Override
    public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    /**
     * @throws StalledException if nothing comes for too long
     * @throws dev.cais.CancelledException if the thread is interrupted
     * @throws dev.cais.TimedOutException if the task's time is over
     */
    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (pieces.isEmpty()) {
            if (ended || !await()) {
                return -1;
            }
        }
        var piece = pieces.element();
        var count = Math.min(length, piece.remaining());
        piece.get(bytes, offset, count);
        if (!piece.hasRemaining()) {
            pieces.remove();
        }
        return count;
    }

    /** Whether there is more. */
    private boolean await() throws IOException {
        Object next;
        try {
            next = arrived.poll(task.nanos(stall), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw task.interrupted();
        }
        if (next == null) {
            task.nanos(stall);
            throw new StalledException(stall);
        }
        if (next == END) {
            ended = true;
            return false;
        }
        if (next instanceof Throwable failure) {
            ended = true;
            throw failure instanceof IOException broken ? broken : new IOException(failure);
        }
        for (var piece : (List<?>) next) {
            if (piece instanceof ByteBuffer bytes && bytes.hasRemaining()) {
                pieces.add(bytes);
            }
        }
        var source = subscription.get();
        if (source != null) {
            source.request(1);
        }
        return true;
    }

    @Override
    public void close() {
        var source = subscription.getAndSet(CANCELLED);
        if (source != null) {
            source.cancel();
        }
    }
}
