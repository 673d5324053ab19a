package dev.cais.network.netlink;

import dev.cais.EngineException;
import dev.cais.KernelException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Poll;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.network.netlink.Replies.Reply;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A netlink socket: requests go out, the kernel's answers come back on the same thread.
 *
 * <p>Several requests are sent in one system call; the kernel has carried them out when that call returns, and their answers are
 * read in as few more as they fill. {@link #roundTrips} counts them. For any thread, one at a time.
 *
 * @see <a href="https://docs.kernel.org/userspace-api/netlink/intro.html">Linux, Introduction to Netlink</a>
 */
public final class Netlink implements AutoCloseable {
    /** Which part of the kernel answers. */
    public enum Family {
        ROUTE(0),
        XFRM(6),
        NETFILTER(12);

        private final int number;

        Family(int number) {
            this.number = number;
        }

        /** The third argument of socket(2), for a launch program that opens the socket. */
        public int number() {
            return number;
        }
    }

    private static final int SOL_NETLINK = 270;
    private static final int NETLINK_CAP_ACK = 10;
    private static final int NETLINK_EXT_ACK = 11;
    private static final int NETLINK_GET_STRICT_CHK = 12;
    private static final int SO_RCVBUF = 8;
    private static final int SO_SNDBUFFORCE = 32;
    private static final int RECEIVE_BUFFER = 1 << 20;
    private static final int SEND_BUFFER = 1 << 23;

    private static final int MSGHDR = 56;
    private static final int SOCKADDR_NL = 12;
    /** The kernel fills at most this much at once in a dump. */
    private static final int DATAGRAM = 1 << 15;

    /** Of requests in one system call: their answers must fit in the socket's receive buffer. */
    private static final int MOST_AT_ONCE = 128;

    private static final int LARGEST_AT_ONCE = 1 << 17;
    private static final int MOST_REPLIES = 1 << 18;
    private static final int DUMP_ATTEMPTS = 16;
    private static final Duration LONGEST_ANSWER = Duration.ofSeconds(30);

    private final Fd fd;
    private int sequence;
    private int roundTrips;

    private Netlink(Fd fd) {
        this.fd = fd;
        for (var option : new int[] {NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK}) {
            set(SOL_NETLINK, option, 1); // what an old kernel does not know only makes answers longer, or less helpful
        }
        set(Abi.SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
        set(Abi.SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER); // a transaction must go in one piece
    }

    /**
     * Opens a socket in this thread's network namespace.
     *
     * @throws UnsupportedHostException if the kernel has no such family
     * @throws KernelException if it refuses otherwise
     */
    public static Netlink open(Family family) {
        var number = Syscalls.call(Syscall.SOCKET, Abi.AF_NETLINK, Abi.SOCK_RAW | Abi.SOCK_CLOEXEC, family.number);
        if (Errno.EPROTONOSUPPORT.is(number)) {
            throw new UnsupportedHostException(
                    "cannot configure networks: this kernel has no netlink family " + family);
        }
        return new Netlink(Fd.of(Syscalls.checked("cannot open a netlink socket", Syscall.SOCKET, number)));
    }

    /** A socket that somebody else has opened, maybe in another network namespace; its owner is this object now. */
    public static Netlink of(Fd socket) {
        return new Netlink(socket);
    }

    private void set(int level, int option, int value) {
        try (var scratch = Scratch.frame()) {
            var bytes = scratch.take(8);
            bytes.putInt(0, value);
            Syscalls.call(Syscall.SETSOCKOPT, fd.number(), level, option, Scratch.address(bytes), Integer.BYTES);
        }
    }

    /** How often requests went to the kernel. */
    public synchronized int roundTrips() {
        return roundTrips;
    }

    /**
     * Carries out requests in their order, each for itself: one that fails does not keep the kernel from those behind it.
     *
     * @throws KernelException that of the first request that failed, with what the kernel says about it; of others that failed,
     *     theirs are suppressed
     * @throws UnsupportedHostException if the kernel lacks that kind of link
     */
    public synchronized void execute(List<Request> requests) {
        EngineException first = null;
        for (var start = 0; start < requests.size(); ) {
            var end = start;
            for (var size = 0; end < requests.size() && end - start < MOST_AT_ONCE; end++) {
                size += MessageWriter.aligned(requests.get(end).size());
                if (size > LARGEST_AT_ONCE && end > start) {
                    break;
                }
            }
            for (var failure : executeAtOnce(requests.subList(start, end))) {
                if (first == null) {
                    first = failure;
                } else {
                    first.addSuppressed(failure);
                }
            }
            start = end;
        }
        if (first != null) {
            throw first;
        }
    }

    /** The same. */
    public void execute(Request... requests) {
        execute(List.of(requests));
    }

    private List<EngineException> executeAtOnce(List<Request> requests) {
        var first = send(requests, Request.NLM_F_ACK);
        var failures = new ArrayList<EngineException>();
        var last = requests.get(requests.size() - 1);
        var waiting = requests.size();
        while (waiting > 0) {
            for (var reply : receive(last)) {
                var index = reply.sequence() - first;
                if (reply.type() == Replies.NLMSG_ERROR && index >= 0 && index < requests.size()) {
                    waiting--;
                    if (reply.error() < 0) {
                        failures.add(failure(requests.get(index), reply));
                    }
                }
            }
        }
        return failures;
    }

    /**
     * Carries out requests of netfilter as one transaction: all or none.
     *
     * @throws KernelException that of the first request that failed; nothing has changed then
     */
    synchronized void transact(Request begin, List<Request> requests, Request end) {
        var all = new ArrayList<Request>();
        all.add(begin);
        all.addAll(requests);
        var last = requests.get(requests.size() - 1);
        all.set(
                requests.size(),
                new Request(last.what(), last.kind(), last.type(), last.flags() | Request.NLM_F_ACK, last.body()));
        all.add(end);
        var first = send(all, 0);
        EngineException failed = null;
        var done = false;
        while (!done) {
            for (var reply : receive(last)) {
                var index = reply.sequence() - first;
                if (reply.type() != Replies.NLMSG_ERROR || index < 0 || index >= all.size()) {
                    continue;
                }
                // errors come in the order of requests; one of the whole batch comes with the sequence number of its
                // begin
                done |= index == requests.size() || index == 0;
                if (reply.error() < 0) {
                    var failure = failure(index == 0 ? last : all.get(index), reply);
                    if (failed == null) {
                        failed = failure;
                    } else {
                        failed.addSuppressed(failure);
                    }
                }
            }
        }
        if (failed != null) {
            throw failed;
        }
    }

    /**
     * All that the kernel has of a kind; asked again if it changed meanwhile.
     *
     * @return bodies of the answers, without those of other types
     * @throws KernelException if the kernel refuses, or what it has never holds still
     */
    synchronized List<ByteBuffer> dump(Request request, int answerType) {
        for (var attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
            var answers = tryDump(request, answerType);
            if (answers != null) {
                return answers;
            }
        }
        throw exception(request, Errno.EAGAIN, "it changed during each of " + DUMP_ATTEMPTS + " attempts");
    }

    private @Nullable List<ByteBuffer> tryDump(Request request, int answerType) {
        var expected = send(List.of(request), Request.NLM_F_DUMP);
        var answers = new ArrayList<ByteBuffer>();
        var interrupted = false;
        while (true) {
            for (var reply : receive(request)) {
                if (reply.sequence() != expected) {
                    continue;
                }
                interrupted |= (reply.flags() & Request.NLM_F_DUMP_INTR) != 0;
                if (reply.type() == Replies.NLMSG_DONE || reply.type() == Replies.NLMSG_ERROR) {
                    if (reply.error() < 0) {
                        throw failure(request, reply);
                    }
                    return interrupted ? null : answers;
                }
                if (reply.type() == answerType) {
                    if (answers.size() == MOST_REPLIES) {
                        throw exception(request, Errno.EMSGSIZE, "more than " + MOST_REPLIES + " answers");
                    }
                    answers.add(reply.body());
                }
            }
        }
    }

    /**
     * The answer to one question.
     *
     * @throws KernelException with {@code ENODEV}, {@code ENOENT} and such, if there is no such thing
     */
    synchronized ByteBuffer ask(Request request, int answerType) {
        var expected = send(List.of(request), Request.NLM_F_ACK);
        ByteBuffer answer = null;
        while (true) {
            for (var reply : receive(request)) {
                if (reply.sequence() != expected) {
                    continue;
                }
                if (reply.type() == answerType) {
                    answer = reply.body();
                } else if (reply.type() == Replies.NLMSG_ERROR) {
                    if (reply.error() < 0) {
                        throw failure(request, reply);
                    }
                    if (answer == null) {
                        throw exception(request, Errno.ENODATA, "");
                    }
                    return answer;
                }
            }
        }
    }

    /** Returns the sequence number of the first. */
    private int send(List<Request> requests, int flags) {
        var size = requests.stream()
                .mapToInt(request -> MessageWriter.aligned(request.size()))
                .sum();
        var first = sequence + 1;
        try (var scratch = Scratch.frame()) {
            var bytes = scratch.take(size);
            var address = Scratch.address(bytes);
            var at = 0;
            for (var request : requests) {
                bytes.put(at, request.toBytes(flags, ++sequence));
                at += MessageWriter.aligned(request.size());
            }
            long result;
            do {
                result = Syscalls.call(Syscall.SENDTO, fd.number(), address, size, 0, 0, 0);
            } while (Errno.EINTR.is(result));
            roundTrips++;
            if (result < 0) {
                throw exception(requests.get(0), Errno.of(result), "");
            }
        }
        return first;
    }

    /** The messages of the next datagram; their bytes are the caller's. */
    private List<Reply> receive(Request request) {
        try (var scratch = Scratch.frame()) {
            var bytes = scratch.take(DATAGRAM);
            var vector = scratch.words(Scratch.address(bytes), DATAGRAM);
            var from = scratch.take(SOCKADDR_NL + 4);
            var header = scratch.take(MSGHDR);
            while (true) {
                header.putLong(0, Scratch.address(from))
                        .putInt(8, SOCKADDR_NL)
                        .putLong(16, vector)
                        .putLong(24, 1);
                var size = Syscalls.call(Syscall.RECVMSG, fd.number(), Scratch.address(header), Abi.MSG_DONTWAIT);
                if (Errno.EINTR.is(size)) {
                    continue;
                }
                if (Errno.EAGAIN.is(size)) {
                    awaitAnswer(request);
                    continue;
                }
                if (size < 0) {
                    throw exception(request, Errno.of(size), "");
                }
                if ((header.getInt(48) & Abi.MSG_TRUNC) != 0) {
                    throw exception(request, Errno.EMSGSIZE, "the answer is longer than " + DATAGRAM + " bytes");
                }
                if (from.getInt(4) != 0) {
                    continue; // some process's, not the kernel's
                }
                var copy = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
                copy.put(0, bytes, 0, (int) size);
                var replies = Replies.parse(copy);
                if (replies.stream().anyMatch(reply -> reply.type() == Replies.NLMSG_OVERRUN)) {
                    throw exception(request, Errno.ENOBUFS, "");
                }
                return replies;
            }
        }
    }

    /** The kernel has answered when send returns, but for the odd dump: so this hardly ever waits. */
    private void awaitAnswer(Request request) {
        if (!Poll.readable(fd, LONGEST_ANSWER, request.what())) {
            throw exception(request, Errno.ETIMEDOUT, "the kernel does not answer");
        }
    }

    private static EngineException failure(Request request, Reply reply) {
        if (reply.explanation().equals("Unknown device type")) {
            return new UnsupportedHostException(
                    request.what() + ": this kernel has no links of that kind", "its module may have to be installed");
        }
        if (Errno.ENOTSUP.is(reply.error()) && request.kind().equals("RTM_NEWLINK")) {
            return new UnsupportedHostException(
                    request.what() + ": this kernel lacks something that was asked for",
                    reply.explanation().isEmpty() ? Map.of() : Map.of("kernel", reply.explanation()),
                    "");
        }
        return exception(request, Errno.of(reply.error()), reply.explanation());
    }

    private static KernelException exception(Request request, Errno errno, String explanation) {
        return new KernelException(
                request.what(),
                Syscall.SENDTO.toString(),
                "of " + request.kind(),
                errno.number(),
                errno.toString(),
                explanation.isEmpty() ? Map.of() : Map.of("kernel", explanation),
                "",
                null);
    }

    @Override
    public void close() {
        fd.close();
    }

    @Override
    public String toString() {
        return "Netlink[" + fd + "]";
    }
}
