package dev.cais.runtime.launch;

import dev.cais.InvalidSpecException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Writes a {@link LaunchProgram}, step by step.
 *
 * <p>Each method named after a system call adds one step. What follows it says where to go on:
 *
 * <pre>{@code
 * program.mkdirat("/run/web", 0755).ignore(EEXIST)
 *        .clone3(CLONE_PARENT, 0).onZero("child")
 *        .exit(0)
 *        .label("child")
 *        .execve("/bin/web", List.of("web"), List.of());
 * }</pre>
 *
 * <p>If nothing is said, a step that succeeds is followed by the next one, and a failure is noted and goes to the steps of
 * {@link #reportFailuresTo}. Text is UTF-8 and must not hold a NUL character. Where a method takes a text that the kernel
 * takes as optional, the empty text stands for a null pointer.
 */
public final class LaunchBuilder {
    private static final String DEFAULT_CHAIN = "failure";
    private static final int FAILURE_EXIT = 125;

    private final List<Step> steps = new ArrayList<>();
    private final Map<String, Integer> labels = new LinkedHashMap<>();
    private final Map<String, Integer> reporting = new LinkedHashMap<>();
    private final Map<Integer, StepAddress> stepAddresses = new LinkedHashMap<>();
    private final DataBlock data = new DataBlock();
    private String chain = DEFAULT_CHAIN;
    private int generated;

    LaunchBuilder() {}

    // ---- steps and where they go on

    /** Adds a step of any kind. At most six arguments. */
    public LaunchBuilder step(Syscall call, Arg... args) {
        return step(call, "", args);
    }

    /** Adds a step that messages explain: {@code mount(2)} <i>of proc on /proc</i> {@code failed}. */
    LaunchBuilder step(Syscall call, String object, Arg... args) {
        if (args.length > 6) {
            throw new IllegalArgumentException("a system call takes six arguments at most");
        }
        steps.add(new Step(call, object, List.of(args), chain));
        return this;
    }

    private Step last() {
        if (steps.isEmpty()) {
            throw new IllegalStateException("there is no step yet");
        }
        return steps.get(steps.size() - 1);
    }

    /** Names the place of the next step. */
    public LaunchBuilder label(String name) {
        if (name.isEmpty() || name.equals(Step.UNHANDLED) || labels.put(name, steps.size()) != null) {
            throw new IllegalArgumentException("no name for a place, or taken: " + name);
        }
        return this;
    }

    /** A name for a place that nothing else has. */
    String fresh(String name) {
        return name + "." + ++generated;
    }

    /** After the last step, if it succeeds, goes on there. */
    public LaunchBuilder onSuccess(String label) {
        last().onSuccess = label;
        return this;
    }

    /** If the last step's result is 0, goes on there: in the child, after clone(2); at the end of a file, after read(2). */
    public LaunchBuilder onZero(String label) {
        return on(0, label);
    }

    /** If the last step fails so, goes on there. */
    public LaunchBuilder on(Errno errno, String label) {
        return on(-errno.number(), label);
    }

    /** If the last step's result is exactly that number, goes on there. */
    public LaunchBuilder onResult(int result, String label) {
        return on(result, label);
    }

    private LaunchBuilder on(int result, String label) {
        if (last().cases.size() == LaunchProgram.MOST_CASES) {
            throw new IllegalStateException("a step tells apart three results at most");
        }
        last().cases.add(new Step.Case(result, label));
        return this;
    }

    /** If the last step fails in any other way, goes on there. */
    public LaunchBuilder onFailure(String label) {
        last().onFailure = label;
        return this;
    }

    /** If the last step fails so, goes on as if it had not; three kinds at most. */
    public LaunchBuilder ignore(Errno... kinds) {
        for (var errno : kinds) {
            on(errno, Step.NEXT);
        }
        return this;
    }

    /** If the last step fails, goes on as if it had not. */
    public LaunchBuilder ignoreFailure() {
        return onFailure(Step.NEXT);
    }

    /** Says in messages what the last step is applied to, as in {@code of proc on /proc}, and what helps if it fails. */
    public LaunchBuilder explain(String object, String help) {
        last().object = object;
        last().help = help;
        return this;
    }

    /** Stores the lower 32 bits of the last step's result there too. */
    public LaunchBuilder storeTo(Arg.Pointer place) {
        last().storeAt = place.address();
        return this;
    }

    /** The last step's result, for later steps. */
    public Arg.Result result() {
        last();
        return new Arg.Result(steps.size() - 1);
    }

    /** Goes on there, whatever the last step did, unless that says where it goes. */
    public LaunchBuilder goTo(String label) {
        if (steps.isEmpty()
                || labels.containsValue(steps.size())
                || !last().onSuccess.equals(Step.NEXT)) {
            step(Syscall.GETPID);
        }
        var step = last();
        step.onSuccess = label;
        step.cases.replaceAll(each -> each.target().equals(Step.NEXT) ? new Step.Case(each.result(), label) : each);
        if (step.onFailure.equals(Step.NEXT)) {
            step.onFailure = label;
        }
        return this;
    }

    /**
     * From the next step on, a failure that nobody handles is reported to that descriptor, and the process exits with 125.
     * The report is one write of eight bytes: number of the step, errno.
     */
    public LaunchBuilder reportFailuresTo(int descriptor) {
        chain = DEFAULT_CHAIN + "@" + descriptor;
        reporting.put(chain, descriptor);
        return this;
    }

    /**
     * From the next step on, a failure that nobody handles goes on there. Its own steps should handle their failures.
     *
     * @see #writeFailure
     */
    public LaunchBuilder failuresGoTo(String label) {
        chain = label;
        return this;
    }

    /** Writes the failure that was noted last: number of the step, errno. */
    public LaunchBuilder writeFailure(int descriptor) {
        return step(
                Syscall.WRITE,
                Arg.of(descriptor),
                new Arg.Pointer(LaunchProgram.FAILURE, "failure"),
                Arg.of(LaunchProgram.FAILURE_SIZE));
    }

    /** The program. A process that comes to its end exits with 0. */
    public LaunchProgram build() {
        var complete = new ArrayList<>(steps);
        var places = new LinkedHashMap<>(labels);
        complete.add(end(0));
        if (complete.stream().anyMatch(step -> step.chain.equals(DEFAULT_CHAIN))) {
            places.putIfAbsent(DEFAULT_CHAIN, complete.size());
            complete.add(end(FAILURE_EXIT));
        }
        for (var report : reporting.entrySet()) {
            places.put(report.getKey(), complete.size());
            var write = new Step(
                    Syscall.WRITE,
                    "",
                    List.of(
                            Arg.of(report.getValue()),
                            new Arg.Pointer(LaunchProgram.FAILURE, "failure"),
                            Arg.of(LaunchProgram.FAILURE_SIZE)),
                    report.getKey());
            write.onFailure = Step.NEXT;
            complete.add(write);
            complete.add(end(FAILURE_EXIT));
        }
        for (var step : complete) {
            step.cases.forEach(each -> require(places, each.target()));
            require(places, step.onSuccess);
            require(places, step.onFailure);
            require(places, step.chain);
        }
        stepAddresses.values().forEach(each -> require(places, each.label()));
        return new LaunchProgram(complete, places, data.content(), stepAddresses);
    }

    private Step end(int code) {
        return new Step(Syscall.EXIT_GROUP, "", List.of(Arg.of(code)), chain);
    }

    private static void require(Map<String, Integer> places, String label) {
        if (!label.equals(Step.NEXT) && !label.equals(Step.UNHANDLED) && !places.containsKey(label)) {
            throw new IllegalStateException("no such place: " + label);
        }
    }

    // ---- data

    /** A text, with a NUL behind it. */
    public Arg.Pointer text(String text) {
        return data.text(text);
    }

    /** The same, or a null pointer for the empty text. */
    private Arg optional(String text) {
        return text.isEmpty() ? Arg.of(0, "NULL") : text(text);
    }

    /** The bytes as they are, aligned to eight. */
    public Arg.Pointer bytes(byte[] bytes) {
        return data.bytes(bytes, bytes.length + " bytes");
    }

    /** Zeroed memory, aligned to eight bytes, for the kernel to write to. Addresses next to it belong to others. */
    public Arg.Pointer reserve(int size) {
        return data.reserve(size);
    }

    /** 64-bit words, one behind the other. */
    public Arg.Pointer words(String shown, long... words) {
        return data.words(shown, words);
    }

    /** Where a step stands in memory, known when the program is whole. */
    record StepAddress(String label, int offset) {}

    /** Puts the address of the step behind a label into a word of the data, that many bytes further on: so a call may write to it. */
    LaunchBuilder pointAtStep(Arg.Pointer word, String label, int offset) {
        stepAddresses.put(DataBlock.offset(word), new StepAddress(label, offset));
        return this;
    }

    private static final Arg CWD = Arg.of(Abi.AT_FDCWD, "AT_FDCWD");
    private static final Arg NULL = Arg.of(0, "NULL");
    private static final Arg ZERO = Arg.of(0);

    private static Arg flags(String prefix, long bits) {
        return new Arg.Flags(prefix, bits);
    }

    private static Arg octal(int mode) {
        return Arg.of(mode, mode == 0 ? "0" : "0" + Integer.toOctalString(mode));
    }

    // ---- descriptors

    /**
     * Opens a file relative to the working directory.
     *
     * @param flags in the host's numbers, see {@link Abi}
     */
    public LaunchBuilder open(String path, int flags, int mode) {
        return openat(CWD, path, flags, mode);
    }

    public LaunchBuilder openat(Arg directory, String path, int flags, int mode) {
        return step(Syscall.OPENAT, "of " + path, directory, text(path), new Arg.OpenFlags(flags), octal(mode));
    }

    /** @param resolve {@code RESOLVE_} flags; {@code flags} must not hold those that differ between machines */
    public LaunchBuilder openat2(Arg directory, Arg path, int flags, int resolve) {
        var shown = "{flags=" + Abi.flags("O_", flags) + ", resolve=" + Abi.flags("RESOLVE_", resolve) + "}";
        var how = data.shared(List.of("openat2", flags, resolve), () -> words(shown, flags, 0, resolve));
        return step(Syscall.OPENAT2, directory, path, how, Arg.of(24));
    }

    /** Of a path relative to the working directory. */
    public LaunchBuilder openat2(String path, int flags, int resolve) {
        return openat2(CWD, text(path), flags, resolve);
    }

    public LaunchBuilder read(Arg descriptor, Arg.Pointer place, int size) {
        return step(Syscall.READ, descriptor, place, Arg.of(size));
    }

    /** Writes a text. */
    public LaunchBuilder write(Arg descriptor, String text) {
        return write(descriptor, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Writes bytes; listings show them as text. */
    public LaunchBuilder write(Arg descriptor, byte[] bytes) {
        var shown = DataBlock.quoted(new String(bytes, StandardCharsets.UTF_8));
        var content = data.shared(ByteBuffer.wrap(bytes.clone()), () -> data.bytes(bytes, shown));
        return step(Syscall.WRITE, descriptor, content, Arg.of(bytes.length));
    }

    /** Three steps: opens a file for writing, writes the text, closes it. Not truncated, not created. */
    public LaunchBuilder writeFile(String path, String text) {
        open(path, Abi.O_WRONLY | Abi.O_CLOEXEC, 0);
        var file = result();
        return write(file, text)
                .explain("of " + text.strip() + " to " + path, "")
                .close(file);
    }

    /** The same, but a file that cannot be opened or refuses the text is left alone. */
    LaunchBuilder tryToWriteFile(String path, String text) {
        var after = fresh("written");
        open(path, Abi.O_WRONLY | Abi.O_CLOEXEC, 0).onFailure(after);
        var file = result();
        return write(file, text).ignoreFailure().close(file).label(after);
    }

    public LaunchBuilder close(Arg descriptor) {
        return step(Syscall.CLOSE, descriptor);
    }

    /** @param last inclusive; -1 for all */
    public LaunchBuilder closeRange(int first, int last, int flags) {
        return step(
                Syscall.CLOSE_RANGE,
                Arg.of(first),
                Arg.of(last & 0xffffffffL, last == -1 ? "~0" : Integer.toString(last)),
                flags("CLOSE_RANGE_", flags));
    }

    public LaunchBuilder dup3(Arg from, int to, int flags) {
        return step(Syscall.DUP3, from, Arg.of(to), flags("O_", flags));
    }

    /** Lets execve(2) close a descriptor. */
    public LaunchBuilder closeOnExec(int descriptor) {
        return step(Syscall.FCNTL, Arg.of(descriptor), Arg.of(Abi.F_SETFD, "F_SETFD"), Arg.of(1, "FD_CLOEXEC"));
    }

    /** @param request a {@code TIOC} or {@code SIOC} constant */
    public LaunchBuilder ioctl(Arg descriptor, int request, Arg argument) {
        var terminals = Abi.name("TIOC", request);
        var shown = terminals.startsWith("TIOC") ? terminals : Abi.name("SIOC", request);
        return step(Syscall.IOCTL, "with " + shown, descriptor, Arg.of(request, shown), argument);
    }

    public LaunchBuilder lseek(Arg descriptor, Arg offset, int whence) {
        return step(Syscall.LSEEK, descriptor, offset, Arg.of(whence, Abi.name("SEEK_", whence)));
    }

    /**
     * Waits until one of the descriptors is readable or its other end is gone.
     *
     * @param timeout empty for ever; when it is up, the result is 0
     */
    public LaunchBuilder ppoll(Optional<Duration> timeout, int... descriptors) {
        var polled = new long[descriptors.length];
        for (var i = 0; i < polled.length; i++) {
            polled[i] = descriptors[i] | (long) Abi.POLLIN << 32;
        }
        var shown = Arrays.stream(descriptors).mapToObj(Integer::toString).collect(Collectors.joining(", ", "[", "]"));
        return step(
                Syscall.PPOLL,
                words(shown, polled),
                Arg.of(polled.length),
                timeout.<Arg>map(this::timespec).orElse(NULL),
                NULL,
                Arg.of(8));
    }

    private Arg.Pointer timespec(Duration time) {
        return words("{" + time.toNanos() / 1e9 + " s}", time.getSeconds(), time.getNano());
    }

    /** A message of some text and of descriptors that are stored in its slots before it is sent. */
    public static final class Message {
        private final Arg.Pointer header;
        private final Arg.Pointer slots;

        private Message(Arg.Pointer header, Arg.Pointer slots) {
            this.header = header;
            this.slots = slots;
        }

        /** Where a descriptor is to be stored: by {@code clone3}, or by {@link LaunchBuilder#storeTo}. */
        public Arg.Pointer slot(int index) {
            return slots.plus(index * Integer.BYTES);
        }
    }

    /**
     * Writes a message for {@link #sendmsg}.
     *
     * @param text not empty
     */
    public Message message(String text, int descriptors) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        var size = 16 + descriptors * Integer.BYTES;
        var control = reserve(size);
        data.fill(control, size, (long) Abi.SCM_RIGHTS << 32 | Abi.SOL_SOCKET);
        var vector = words("", text(text).address(), bytes.length);
        var shown = "{" + DataBlock.quoted(text) + ", " + descriptors + " descriptors}";
        return new Message(words(shown, 0, 0, vector.address(), 1, control.address(), size, 0), control.plus(16));
    }

    /** Sends a message and the descriptors in its slots over a Unix socket. */
    public LaunchBuilder sendmsg(Arg socket, Message message) {
        return step(Syscall.SENDMSG, socket, message.header, flags("MSG_", Abi.MSG_NOSIGNAL));
    }

    public LaunchBuilder socket(int family, int type, int protocol) {
        var flags = type & ~0xf;
        var shown = Abi.name("SOCK_", type & 0xf) + (flags == 0 ? "" : "|" + Abi.flags("SOCK_", flags));
        return step(Syscall.SOCKET, Arg.of(family, Abi.name("AF_", family)), Arg.of(type, shown), Arg.of(protocol));
    }

    /** Three steps: brings the network namespace's own {@code lo} up, if the process may. */
    public LaunchBuilder loopbackUp() {
        socket(Abi.AF_UNIX, Abi.SOCK_DGRAM | Abi.SOCK_CLOEXEC, 0);
        var socket = result();
        var request = ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN).put(0, new byte[] {'l', 'o'});
        request.putShort(16, (short) Abi.IFF_UP);
        return step(
                        Syscall.IOCTL,
                        "of lo",
                        socket,
                        Arg.of(Abi.SIOCSIFFLAGS, "SIOCSIFFLAGS"),
                        data.bytes(request.array(), "{lo, IFF_UP}"))
                .ignore(Errno.EPERM)
                .close(socket);
    }

    // ---- files

    public LaunchBuilder mkdir(String path, int mode) {
        return mkdirat(CWD, path, mode);
    }

    public LaunchBuilder mkdirat(Arg directory, String path, int mode) {
        return step(Syscall.MKDIRAT, "of " + path, directory, text(path), octal(mode));
    }

    /** @param mode type and permissions, as in {@code S_IFCHR | 0666}; the umask applies */
    public LaunchBuilder mknod(String path, int mode, int major, int minor) {
        var device = (minor & 0xffL) | (major & 0xfffL) << 8 | (minor & ~0xffL) << 12;
        return step(
                Syscall.MKNODAT,
                "of " + path,
                CWD,
                text(path),
                octal(mode),
                Arg.of(device, "makedev(" + major + ", " + minor + ")"));
    }

    public LaunchBuilder symlink(String target, String path) {
        return step(Syscall.SYMLINKAT, "of " + path, text(target), CWD, text(path));
    }

    /**
     * Removes a file.
     *
     * @param flags {@code AT_REMOVEDIR} or 0
     */
    public LaunchBuilder unlink(String path, int flags) {
        return step(Syscall.UNLINKAT, "of " + path, CWD, text(path), flags("AT_", flags));
    }

    public LaunchBuilder chmod(String path, int mode) {
        return step(Syscall.FCHMODAT, "of " + path, CWD, text(path), octal(mode));
    }

    /** Changes the owner of a file, not of what a symbolic link leads to. */
    public LaunchBuilder chown(String path, int uid, int gid) {
        return step(
                Syscall.FCHOWNAT,
                "of " + path,
                CWD,
                text(path),
                Arg.of(uid),
                Arg.of(gid),
                flags("AT_", Abi.AT_SYMLINK_NOFOLLOW));
    }

    public LaunchBuilder chdir(String path) {
        return step(Syscall.CHDIR, "to " + path, text(path));
    }

    public LaunchBuilder fchdir(Arg directory) {
        return step(Syscall.FCHDIR, directory);
    }

    public LaunchBuilder chroot(String path) {
        return step(Syscall.CHROOT, "to " + path, text(path));
    }

    public LaunchBuilder umask(int mask) {
        return step(Syscall.UMASK, octal(mask));
    }

    // ---- mounts

    /**
     * Mounts a file system, or changes a mount.
     *
     * @param source may be empty, as may be type and data
     * @param flags {@code MS_} flags
     * @param data at most 4095 bytes
     */
    public LaunchBuilder mount(String source, String target, String type, int flags, String data) {
        if (data.getBytes(StandardCharsets.UTF_8).length > 4095) {
            throw new InvalidSpecException(
                    "cannot mount " + type + " on " + target + ": mount(2) takes 4095 bytes of options",
                    Map.of("bytes", data.length()),
                    "");
        }
        var mounted = type.isEmpty() ? source : type;
        return step(
                Syscall.MOUNT,
                (mounted.isEmpty() ? "" : "of " + mounted + " ") + "on " + target,
                optional(source),
                text(target),
                optional(type),
                flags("MS_", flags),
                optional(data));
    }

    /** A copy of what is mounted at an open file or directory, and of all mounts below it, attached nowhere: its descriptor. */
    public LaunchBuilder openTree(Arg descriptor) {
        return step(
                Syscall.OPEN_TREE,
                descriptor,
                text(""),
                Arg.of(
                        Abi.OPEN_TREE_CLONE | Abi.O_CLOEXEC | Abi.AT_RECURSIVE | Abi.AT_EMPTY_PATH,
                        "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE|AT_EMPTY_PATH"));
    }

    /**
     * A new file system of the kernel's own, attached nowhere.
     *
     * @param attributes {@code MOUNT_ATTR_} flags
     * @return its descriptor
     */
    public Arg newFileSystem(String type, int attributes) {
        var context = fsopen(type);
        fsconfig(type, context);
        return fsmount(type, context, attributes);
    }

    /** Begins what {@link #newFileSystem} does: a context for {@link #fsconfig} and {@link #fsmount}. */
    public Arg fsopen(String type) {
        step(Syscall.FSOPEN, "of " + type, text(type), ZERO);
        return result();
    }

    /** An option, at most 255 bytes of it; one without a value if that is empty. */
    public LaunchBuilder fsconfig(String type, Arg context, String key, String value) {
        var isFlag = value.isEmpty();
        return step(
                Syscall.FSCONFIG,
                "of " + type + ", " + key,
                context,
                isFlag
                        ? Arg.of(Abi.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG")
                        : Arg.of(Abi.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"),
                text(key),
                isFlag ? NULL : text(value),
                ZERO);
    }

    /** Makes it, with the options that it got. */
    public LaunchBuilder fsconfig(String type, Arg context) {
        return step(
                Syscall.FSCONFIG,
                "of " + type,
                context,
                Arg.of(Abi.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"),
                NULL,
                NULL,
                ZERO);
    }

    /** Ends it: see {@link #newFileSystem}. */
    public Arg fsmount(String type, Arg context, int attributes) {
        step(
                Syscall.FSMOUNT,
                "of " + type,
                context,
                Arg.of(Abi.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"),
                flags("MOUNT_ATTR_", attributes));
        var mount = result();
        close(context);
        return mount;
    }

    /** The same of a path relative to the working directory, a symbolic link at its end not followed. */
    public LaunchBuilder openTree(String path) {
        return step(
                Syscall.OPEN_TREE,
                "of " + path,
                CWD,
                text(path),
                Arg.of(
                        Abi.OPEN_TREE_CLONE | Abi.O_CLOEXEC | Abi.AT_RECURSIVE | Abi.AT_SYMLINK_NOFOLLOW,
                        "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE|AT_SYMLINK_NOFOLLOW"));
    }

    /** Attaches what {@link #openTree} or {@link #newFileSystem} made at a path, and lets go of it. */
    public LaunchBuilder attach(Arg tree, String target) {
        step(
                Syscall.MOVE_MOUNT,
                "on " + target,
                tree,
                text(""),
                CWD,
                text(target),
                flags("MOVE_MOUNT_", Abi.MOVE_MOUNT_F_EMPTY_PATH));
        return close(tree);
    }

    /**
     * Changes mounts, all that belong to a descriptor of {@link #openTree}.
     *
     * @param attributes {@code MOUNT_ATTR_} flags to set
     * @param propagation {@code MS_PRIVATE}, {@code MS_SLAVE} or {@code MS_SHARED}
     */
    public LaunchBuilder mountSetattr(Arg tree, int attributes, int propagation) {
        var shown = "{attr_set=" + Abi.flags("MOUNT_ATTR_", attributes) + ", propagation="
                + Abi.flags("MS_", propagation) + "}";
        return step(
                Syscall.MOUNT_SETATTR,
                tree,
                text(""),
                flags("AT_", Abi.AT_RECURSIVE | Abi.AT_EMPTY_PATH),
                words(shown, attributes, 0, propagation, 0),
                Arg.of(32));
    }

    /** Attaches what {@link #openTree} made at an open file or directory. */
    public LaunchBuilder moveMount(Arg tree, Arg target) {
        return step(
                Syscall.MOVE_MOUNT,
                tree,
                text(""),
                target,
                text(""),
                flags("MOVE_MOUNT_", Abi.MOVE_MOUNT_F_EMPTY_PATH | Abi.MOVE_MOUNT_T_EMPTY_PATH));
    }

    public LaunchBuilder umount2(String target, int flags) {
        return step(
                Syscall.UMOUNT2,
                "of " + target,
                text(target),
                Arg.of(
                        flags,
                        flags == 0
                                ? "0"
                                : (Abi.flags("MNT_", flags & 7) + ((flags & 8) != 0 ? "|UMOUNT_NOFOLLOW" : ""))));
    }

    public LaunchBuilder pivotRoot(String newRoot, String putOld) {
        return step(Syscall.PIVOT_ROOT, "to " + newRoot, text(newRoot), text(putOld));
    }

    // ---- processes and namespaces

    /** A child without a pidfd: in it the result is 0. With {@code CLONE_PARENT} the exit signal must be 0. */
    public LaunchBuilder clone3(long flags, int exitSignal) {
        return clone3(flags, exitSignal, 0, 0, "");
    }

    /** The same; with {@code CLONE_PIDFD} its pidfd is stored there. */
    public LaunchBuilder clone3(long flags, int exitSignal, Arg.Pointer pidfd) {
        return clone3(flags, exitSignal, pidfd.address(), 0, ", pidfd=&" + pidfd.shown());
    }

    /** Without a pidfd, in the cgroup (v2) that the descriptor stands for; adds {@code CLONE_INTO_CGROUP}. */
    public LaunchBuilder clone3IntoCgroup(long flags, int exitSignal, int cgroup) {
        return clone3(flags | Abi.CLONE_INTO_CGROUP, exitSignal, 0, cgroup, ", cgroup=" + cgroup);
    }

    private LaunchBuilder clone3(long flags, int exitSignal, long pidfd, int cgroup, String more) {
        var given = pidfd == 0 ? flags : flags | Abi.CLONE_PIDFD;
        var shown = "{flags=" + Abi.flags("CLONE_", given) + ", exit_signal="
                + (exitSignal == 0 ? "0" : Abi.name("SIG", exitSignal)) + more + "}";
        return step(Syscall.CLONE3, words(shown, given, pidfd, 0, 0, exitSignal, 0, 0, 0, 0, 0, cgroup), Arg.of(88));
    }

    public LaunchBuilder unshare(long flags) {
        return step(Syscall.UNSHARE, flags("CLONE_", flags));
    }

    /** @param flags namespaces to enter; 0 for whatever the descriptor stands for */
    public LaunchBuilder setns(Arg descriptor, long flags) {
        return step(Syscall.SETNS, descriptor, flags("CLONE_", flags));
    }

    /** Never the end of a path through the program: if it succeeds, another program goes on. */
    public LaunchBuilder execve(String path, List<String> arguments, List<String> environment) {
        return step(Syscall.EXECVE, "of " + path, text(path), argv(arguments), envp(environment));
    }

    /** @param flags {@code AT_EMPTY_PATH} to execute the descriptor itself */
    public LaunchBuilder execveat(
            Arg directory, String path, List<String> arguments, List<String> environment, int flags) {
        return step(
                Syscall.EXECVEAT,
                "of " + (path.isEmpty() ? "descriptor " + directory.shown() : path),
                directory,
                text(path),
                argv(arguments),
                envp(environment),
                flags("AT_", flags));
    }

    private Arg.Pointer argv(List<String> arguments) {
        return data.texts(
                arguments, arguments.stream().map(DataBlock::quoted).collect(Collectors.joining(", ", "[", "]")));
    }

    private Arg.Pointer envp(List<String> environment) {
        return data.texts(environment, "[/* " + environment.size() + " variables */]");
    }

    public LaunchBuilder setsid() {
        return step(Syscall.SETSID);
    }

    public LaunchBuilder pidfdOpen(Arg pid) {
        return step(Syscall.PIDFD_OPEN, pid, ZERO);
    }

    /** @param pidfd of a child; waits for its end and collects it */
    public LaunchBuilder waitid(Arg pidfd) {
        return step(
                Syscall.WAITID,
                Arg.of(Abi.P_PIDFD, "P_PIDFD"),
                pidfd,
                NULL,
                Arg.of(Abi.WEXITED | Abi.WALL, "WEXITED|__WALL"),
                NULL);
    }

    public LaunchBuilder nanosleep(Duration time) {
        return step(Syscall.NANOSLEEP, timespec(time), NULL);
    }

    /** Ends the process: all its threads. */
    public LaunchBuilder exit(int code) {
        return step(Syscall.EXIT_GROUP, Arg.of(code));
    }

    public LaunchBuilder sethostname(String name) {
        return step(
                Syscall.SETHOSTNAME, "to " + name, text(name), Arg.of(name.getBytes(StandardCharsets.UTF_8).length));
    }

    public LaunchBuilder setdomainname(String name) {
        return step(
                Syscall.SETDOMAINNAME, "to " + name, text(name), Arg.of(name.getBytes(StandardCharsets.UTF_8).length));
    }

    // ---- credentials and confinement

    /** @param operation {@code PR_} constant */
    public LaunchBuilder prctl(int operation, long... arguments) {
        var shown = Abi.name("PR_", operation);
        var args = new ArrayList<Arg>();
        args.add(Arg.of(operation, shown));
        for (var i = 0; i < 4; i++) {
            var value = i < arguments.length ? arguments[i] : 0;
            args.add(i == 0 ? Arg.of(value, prctlArgument(operation, value)) : Arg.of(value));
        }
        return step(Syscall.PRCTL, "of " + shown, args.toArray(Arg[]::new));
    }

    /** Names the process, as ps(1) shows it; the first 15 bytes count. */
    public LaunchBuilder name(String name) {
        return step(Syscall.PRCTL, Arg.of(Abi.PR_SET_NAME, "PR_SET_NAME"), text(name));
    }

    private static String prctlArgument(int operation, long value) {
        if (operation == Abi.PR_SET_PDEATHSIG && value != 0) {
            return Abi.name("SIG", value);
        }
        return operation == Abi.PR_CAP_AMBIENT ? Abi.name("PR_CAP_AMBIENT_", value) : Long.toString(value);
    }

    /** Sets this process's capabilities, a bit for each. */
    public LaunchBuilder capset(long effective, long permitted, long inheritable) {
        var low = 0xffffffffL;
        var shown = "{effective=0x" + Long.toHexString(effective) + ", permitted=0x" + Long.toHexString(permitted)
                + ", inheritable=0x" + Long.toHexString(inheritable) + "}";
        var sets = words(
                shown,
                (effective & low) | permitted << 32,
                (inheritable & low) | effective >>> 32 << 32,
                permitted >>> 32 | inheritable >>> 32 << 32);
        return step(Syscall.CAPSET, words("{_LINUX_CAPABILITY_VERSION_3, 0}", Abi.LINUX_CAPABILITY_VERSION_3), sets);
    }

    public LaunchBuilder setgroups(List<Integer> groups) {
        var bytes = ByteBuffer.allocate(groups.size() * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        groups.forEach(bytes::putInt);
        return step(Syscall.SETGROUPS, Arg.of(groups.size()), data.bytes(bytes.array(), groups.toString()));
    }

    public LaunchBuilder setresgid(int real, int effective, int saved) {
        return step(Syscall.SETRESGID, "to " + real, Arg.of(real), Arg.of(effective), Arg.of(saved));
    }

    public LaunchBuilder setresuid(int real, int effective, int saved) {
        return step(Syscall.SETRESUID, "to " + real, Arg.of(real), Arg.of(effective), Arg.of(saved));
    }

    /**
     * Loads a system call filter.
     *
     * @param program {@code struct sock_filter[]}, eight bytes for each instruction
     * @param flags {@code SECCOMP_FILTER_FLAG_} flags
     */
    public LaunchBuilder seccomp(byte[] program, long flags) {
        var instructions = program.length / 8;
        var shown = "{" + instructions + " instructions}";
        return step(
                Syscall.SECCOMP,
                "of a filter",
                Arg.of(Abi.SECCOMP_SET_MODE_FILTER, "SECCOMP_SET_MODE_FILTER"),
                Arg.of(flags, "0x" + Long.toHexString(flags)),
                words(shown, instructions, bytes(program).address()));
    }

    /**
     * Sets one of this process's own limits.
     *
     * @param resource {@code RLIMIT_} constant; -1 is no limit
     */
    public LaunchBuilder prlimit64(int resource, long soft, long hard) {
        var name = Abi.name("RLIMIT_", resource);
        var shown = "{" + limit(soft) + ", " + limit(hard) + "}";
        return step(Syscall.PRLIMIT64, "of " + name, ZERO, Arg.of(resource, name), words(shown, soft, hard), NULL);
    }

    private static String limit(long value) {
        return value == -1 ? "RLIM_INFINITY" : Long.toUnsignedString(value);
    }

    /** Begins a session keyring of its own, without a name. */
    public LaunchBuilder joinSessionKeyring() {
        return step(Syscall.KEYCTL, Arg.of(Abi.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"), NULL);
    }

    // ---- scheduling and signals

    /** @param processors a bit for each */
    public LaunchBuilder schedSetaffinity(byte[] processors) {
        return step(Syscall.SCHED_SETAFFINITY, ZERO, Arg.of(processors.length), bytes(processors));
    }

    /** Sets this process's own policy and real-time priority. */
    public LaunchBuilder schedSetscheduler(int policy, int priority) {
        return step(
                Syscall.SCHED_SETSCHEDULER,
                ZERO,
                Arg.of(policy, Abi.name("SCHED_", policy)),
                words("[" + priority + "]", priority));
    }

    /** Sets this process's own nice value, -20 to 19. */
    public LaunchBuilder setpriority(int nice) {
        return step(Syscall.SETPRIORITY, Arg.of(Abi.PRIO_PROCESS, "PRIO_PROCESS"), ZERO, Arg.of(nice));
    }

    /** Sets this process's own input and output priority: class and level as ioprio_set(2) packs them. */
    public LaunchBuilder ioprioSet(int priority) {
        return step(Syscall.IOPRIO_SET, Arg.of(Abi.IOPRIO_WHO_PROCESS, "IOPRIO_WHO_PROCESS"), ZERO, Arg.of(priority));
    }

    /** @param how {@code SIG_BLOCK}, {@code SIG_UNBLOCK} or {@code SIG_SETMASK}; bit 0 of the mask is signal 1 */
    public LaunchBuilder rtSigprocmask(int how, long mask) {
        return step(
                Syscall.RT_SIGPROCMASK,
                Arg.of(how, Abi.name("SIG_", how)),
                words("[0x" + Long.toHexString(mask) + "]", mask),
                NULL,
                Arg.of(8));
    }

    /** Gives a signal its default action back, or has it ignored. */
    public LaunchBuilder rtSigaction(int signal, boolean ignored) {
        return step(
                Syscall.RT_SIGACTION,
                Arg.of(signal, Abi.name("SIG", signal)),
                words(ignored ? "SIG_IGN" : "SIG_DFL", ignored ? 1 : 0, 0, 0, 0),
                NULL,
                Arg.of(8));
    }

    // ---- larger pieces

    /**
     * Gives back everything that is inherited from the JVM, except for the descriptors named: see {@link Inheritance}. The
     * process has the root as its working directory and is not dumpable. The session stays: setsid() begins another, in the
     * process that is to lead it, since it can cost milliseconds on a busy machine (a scheduling group is made for it).
     */
    public LaunchBuilder resetInherited(int... keptDescriptors) {
        Inheritance.reset(this, keptDescriptors);
        return this;
    }

    /**
     * Removes a directory and everything in it, or as much as can be; then goes on with the next step in any case.
     * File systems mounted in it are neither entered nor removed. Needs CAP_SYS_CHROOT.
     *
     * @param patience how long to go on when nothing more can be removed
     */
    public LaunchBuilder removeTree(String path, Duration patience) {
        TreeRemoval.files(this, path, patience);
        return this;
    }

    /**
     * Kills what is in a cgroup of v2 and those below it, and removes them, waiting while processes in them are dying; then goes on in
     * any case.
     */
    public LaunchBuilder removeCgroupTree(String path, Duration patience) {
        tryToWriteFile(path + "/cgroup.kill", "1");
        TreeRemoval.cgroups(this, path, patience);
        return this;
    }
}
