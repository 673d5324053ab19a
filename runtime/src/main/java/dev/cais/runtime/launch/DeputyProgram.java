package dev.cais.runtime.launch;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;

/**
 * The program of a {@link Deputy}: it receives a request straight into the record of its own next step, carries that out, and
 * sends what came of it.
 *
 * <p>A request is words, and data behind them:
 *
 * <pre>
 *   0  number of the system call
 *   8  its six arguments; pointers lead into the data, whose address is known
 *  56  address and size of the memory that the answer is to bring along
 *  72  size of the answer's control message: 0, or what one descriptor takes
 *  80  data
 * </pre>
 *
 * Descriptors that come with it get the lowest numbers that are free, 1 and so on. The answer is the result, and behind it, unless
 * that is an error, the memory that was asked for. If a descriptor was asked for, the result is one, and it comes along. Then all
 * descriptors but the socket are closed: nothing is left of a request when the next one comes.
 */
final class DeputyProgram {
    static final int SOCKET = 0;
    static final int REPORT = 1;
    /** The number of the first descriptor of a request. */
    static final int FIRST_DESCRIPTOR = 1;

    static final int MOST_DESCRIPTORS = 4;
    /** An extended attribute's value, its name and a path; or two paths. */
    static final int MOST_DATA = 72 * 1024;

    static final int ARGUMENTS = 8;
    static final int ANSWER = 56;
    static final int CONTROL = 72;
    static final int DATA = 80;

    static final int IOVEC = 16;
    static final int CMSGHDR = 16;
    static final int MSGHDR = 56;
    static final int MSG_CONTROLLEN = 40;
    /** A control message of one descriptor, padded. */
    static final int ONE_DESCRIPTOR = CMSGHDR + 8;

    private static final int DESCRIPTORS = CMSGHDR + MOST_DESCRIPTORS * Integer.BYTES;
    private static final int SIG_SETMASK = 2;
    private static final String CALL = "call";

    final LaunchProgram program;
    /** Address of a request's data in the deputy. */
    final long data;

    DeputyProgram() {
        var builder = LaunchProgram.builder().reportFailuresTo(REPORT);
        builder.resetInherited(SOCKET, REPORT);
        builder.name("cais-deputy").setsid().rtSigprocmask(SIG_SETMASK, -1).umask(0);

        var memory = builder.reserve(MOST_DATA);
        var answered = builder.words("{result, memory}", 0, Long.BYTES, 0, 0);
        builder.pointAtStep(answered, CALL, LaunchProgram.STEP_RESULT);
        var control = builder.words("{SCM_RIGHTS}", CMSGHDR + 4, Abi.SOL_SOCKET | (long) Abi.SCM_RIGHTS << 32, 0);
        var answer =
                builder.words("{result, memory, descriptor}", 0, 0, answered.address(), 2, control.address(), 0, 0);
        var refusal = builder.words("{result}", 0, 0, answered.address(), 1, 0, 0, 0);

        var parts = builder.words(
                "",
                0,
                8,
                0,
                48,
                answered.plus(IOVEC).address(),
                16,
                answer.plus(MSG_CONTROLLEN).address(),
                8,
                memory.address(),
                MOST_DATA);
        builder.pointAtStep(parts, CALL, 0).pointAtStep(parts.plus(IOVEC), CALL, LaunchProgram.STEP_ARGS);
        var received = builder.reserve(DESCRIPTORS);
        var request =
                builder.words("{call, descriptors}", 0, 0, parts.address(), 5, received.address(), DESCRIPTORS, 0);

        var socket = Arg.of(SOCKET);
        var noSignal = new Arg.Flags("MSG_", Abi.MSG_NOSIGNAL);
        builder.closeRange(REPORT, -1, 0);
        builder.label("next");
        // recvmsg(2) leaves there how much it used; the call that returns a number of one's choice is umask(2)
        builder.umask(DESCRIPTORS).umask(0).storeTo(request.plus(MSG_CONTROLLEN));
        builder.step(Syscall.RECVMSG, socket, request, Arg.of(0))
                .onZero("end")
                .on(Errno.EINTR, "next")
                .onFailure("end");
        builder.label(CALL);
        builder.step(Syscall.GETPID).explain("or whatever was asked for", "");
        builder.storeTo(control.plus(CMSGHDR)).onFailure("refuse");
        builder.step(Syscall.SENDMSG, socket, answer, noSignal).onFailure("end").goTo("done");
        builder.label("refuse");
        builder.step(Syscall.SENDMSG, socket, refusal, noSignal).onFailure("end");
        builder.label("done");
        builder.closeRange(FIRST_DESCRIPTOR, -1, 0).goTo("next");
        builder.label("end");
        program = builder.build();
        data = memory.address();
    }
}
