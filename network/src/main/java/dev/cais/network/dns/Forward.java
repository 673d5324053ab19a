package dev.cais.network.dns;

import dev.cais.KernelException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.InetSocket;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Rcode;

/**
 * One question on its way to servers of the host, until the first answer. Lives on the event loop's thread.
 *
 * <p>Over UDP, servers are asked in turn, again and again with growing pauses, much sooner than clients would: a lost packet costs
 * half a second, and a late answer to an earlier try is as good. Over TCP each is asked once. Each server has a socket of its own
 * that is connected to it, so the kernel passes on what comes from there alone, and picks a port that nobody can guess.
 */
final class Forward {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    private static final Duration PAUSE_OF_TCP = Duration.ofSeconds(2);

    private final Resolver resolver;
    private final Query query;
    private final boolean tcp;
    private final int id;
    private final Consumer<byte[]> answered;
    private final List<Server> servers = new ArrayList<>();
    private final long deadline;
    private Duration pause;
    private int turn;
    private byte @Nullable [] failure;
    private EventLoop.@Nullable Timer timer;
    private boolean done;

    /**
     * @param stream whether the client is connected by TCP: so are we then
     * @param first which server to begin with
     * @param answered gets the answer, once, on the loop's thread
     */
    Forward(Resolver resolver, Query query, Upstream upstream, boolean stream, int first, Consumer<byte[]> answered) {
        this.resolver = resolver;
        this.query = query;
        this.tcp = stream || upstream.tcpOnly();
        this.id = resolver.random().nextInt(1 << 16);
        this.answered = answered;
        this.deadline = System.nanoTime() + upstream.patience().toNanos();
        this.pause = tcp ? PAUSE_OF_TCP : FIRST_PAUSE;
        var count = upstream.servers().size();
        for (var i = 0; i < count; i++) {
            servers.add(new Server(upstream.servers().get((first + i) % count)));
        }
    }

    /** One whom we ask. */
    private final class Server implements MessageStream.Owner {
        private final InetSocketAddress address;
        private @Nullable InetSocket socket;
        private EventLoop.@Nullable Watch watch;
        private @Nullable MessageStream stream;
        private boolean failed;

        Server(InetSocketAddress address) {
            this.address = address;
        }

        /** Sends the question, if that makes sense. */
        void ask() {
            try {
                if (tcp) {
                    askByTcp();
                } else {
                    askByUdp();
                }
            } catch (KernelException e) { // no descriptor left, or no IPv6 on this host
                failed = true;
            }
        }

        private void askByUdp() {
            if (socket == null) {
                socket = InetSocket.open(address.getAddress(), Abi.SOCK_DGRAM, Abi.IPPROTO_UDP);
                var connected = socket.connect(address);
                if (connected < 0) {
                    failed = true;
                    return;
                }
                watch = resolver.loop().watch(socket.fd(), ready -> receive());
            }
            var sent = resolver.datagram().content(query.question(id)).send(socket.fd());
            failed = sent < 0 && !Errno.EAGAIN.is(sent) && !Errno.ENOBUFS.is(sent) && !Errno.EINTR.is(sent);
        }

        private void receive() {
            if (done || socket == null) {
                return;
            }
            var size = resolver.datagram().receive(socket.fd());
            if (size >= 0) {
                take(resolver.datagram().content());
            } else if (!Errno.EAGAIN.is(size) && !Errno.EINTR.is(size)) {
                fail(); // nobody is there, says ICMP
            }
        }

        private void askByTcp() {
            if (socket != null) {
                return;
            }
            socket = InetSocket.open(address.getAddress(), Abi.SOCK_STREAM, Abi.IPPROTO_TCP);
            var connected = socket.connect(address);
            if (connected < 0 && !Errno.EINPROGRESS.is(connected)) {
                failed = true;
                return;
            }
            stream = new MessageStream(resolver.loop(), socket.fd(), resolver.buffer(), Query.LARGEST_ANSWER, this);
            stream.send(query.question(id));
        }

        @Override
        public boolean wantsMore() {
            return !done && !failed;
        }

        @Override
        public void received(byte[] message) {
            take(message);
        }

        @Override
        public void ended() {
            fail();
        }

        private void take(byte[] message) {
            switch (query.match(message, id)) {
                case NONE -> {} // somebody guesses: the right answer may still come
                case FAILURE -> {
                    failure = message;
                    fail();
                }
                case ANSWER -> finish(message);
            }
        }

        private void fail() {
            if (!failed && !done) {
                failed = true;
                if (servers.stream().allMatch(server -> server.failed)) {
                    giveUp();
                } else {
                    askNext();
                }
            }
        }

        void close() {
            if (stream != null) {
                stream.close();
            }
            if (watch != null) {
                watch.close();
            }
            if (socket != null) {
                socket.close();
            }
        }
    }

    void start() {
        askNext();
    }

    /** Asks the next server that has not failed; the one after it, if that fails at once. */
    private void askNext() {
        for (var tried = 0; tried < servers.size(); tried++) {
            var next = servers.get(turn++ % servers.size());
            if (!next.failed) {
                next.ask();
                if (!next.failed) {
                    waitForAnswer();
                    return;
                }
            }
        }
        giveUp();
    }

    private void waitForAnswer() {
        if (timer != null) {
            timer.cancel();
        }
        var left = Duration.ofNanos(deadline - System.nanoTime());
        var next = pause.compareTo(left) < 0 ? pause : left;
        timer = resolver.loop().schedule(next.isNegative() ? Duration.ZERO : next, this::noAnswer);
    }

    private void noAnswer() {
        if (System.nanoTime() - deadline >= 0) {
            giveUp();
        } else {
            pause = pause.multipliedBy(2);
            askNext();
        }
    }

    private void giveUp() {
        finish(failure == null ? query.answer(Rcode.SERVFAIL) : failure);
    }

    private void finish(byte[] message) {
        if (!done) {
            close();
            answered.accept(message);
        }
    }

    /** Gives up without an answer. */
    void close() {
        done = true;
        if (timer != null) {
            timer.cancel();
        }
        servers.forEach(Server::close);
    }
}
