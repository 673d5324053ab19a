package dev.cais.runtime.launch;

import dev.cais.KernelException;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A list of system calls, to be carried out by a process of its own.
 *
 * <p>As an executable it is one file of three parts: an ELF header with the interpreter behind it, mapped readable and executable;
 * then the data that pointers lead to and the steps, mapped readable and writable together with the first part. Both
 * mappings begin at the file's first byte and at a multiple of 64 KiB, the largest page size of aarch64. All
 * addresses are fixed. The stack is not executable and not used. The form of a step is described in the resource {@code
 * interpreter-x86_64.s}.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/elf.5.html">elf(5)</a>
 */
public final class LaunchProgram {
    /** Where the file is mapped executable. */
    private static final int CODE = 0x400000;
    /** Where the file is mapped writable. */
    private static final int MEMORY = 0x800000;

    private static final int ELF_HEADER = 64;
    private static final int PROGRAM_HEADER = 56;
    private static final int INTERPRETER = ELF_HEADER + 3 * PROGRAM_HEADER;
    private static final int HEADER = 0x200;
    private static final int FIRST_STEP = HEADER;
    /** Eight bytes: number of the failed step, errno. */
    static final long FAILURE = MEMORY + HEADER + 8;

    static final int FAILURE_SIZE = 8;
    private static final int DATA = HEADER + 16;
    /** Address of the first byte of the data. */
    static final long DATA_ADDRESS = MEMORY + DATA;

    private static final int STEP = 128;
    private static final int STEP_SOURCES = 4;
    private static final int STEP_STORE = 28;
    /** Where a step has its arguments, six words. */
    static final int STEP_ARGS = 32;
    /** Where a step leaves its result, a word. */
    static final int STEP_RESULT = 80;

    private static final int STEP_CASES = 88;
    static final int MOST_CASES = 3;
    private static final int STEP_ON_SUCCESS = 112;
    private static final int STEP_ON_FAILURE = 116;
    private static final int STEP_NUMBER = 120;
    private static final int STEP_CHAIN = 124;
    private static final int HALF = 1 << 31;

    private final List<Step> steps;
    private final Map<String, Integer> labels;
    private final byte[] data;
    private final Map<Integer, LaunchBuilder.StepAddress> stepAddresses;

    /**
     * @param labels and the number of the step they stand before
     * @param stepAddresses by the offset in the data where they are to be put
     */
    LaunchProgram(
            List<Step> steps,
            Map<String, Integer> labels,
            byte[] data,
            Map<Integer, LaunchBuilder.StepAddress> stepAddresses) {
        this.steps = List.copyOf(steps);
        this.labels = new LinkedHashMap<>(labels);
        this.data = data;
        this.stepAddresses = Map.copyOf(stepAddresses);
    }

    public static LaunchBuilder builder() {
        return new LaunchBuilder();
    }

    /** Number of steps. */
    public int size() {
        return steps.size();
    }

    /** The same program, but for one step that fails with {@code EBADF} whatever it was: to see what is undone then. */
    public LaunchProgram failingAt(int step) {
        var changed = new ArrayList<>(steps);
        changed.set(step, new Step(Syscall.FCHDIR, "", List.of(Arg.of(-1)), steps.get(step).chain));
        return new LaunchProgram(changed, labels, data, stepAddresses);
    }

    /** The program as an executable file. */
    public byte[] elf(Machine machine) {
        var firstStep = (DATA + data.length + 7) & ~7;
        var size = firstStep + steps.size() * STEP;
        var file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0}).position(16);
        file.putShort((short) 2).putShort((short) machine.elfNumber()).putInt(1);
        file.putLong(CODE + INTERPRETER).putLong(ELF_HEADER).putLong(0).putInt(0);
        file.putShort((short) ELF_HEADER).putShort((short) PROGRAM_HEADER).putShort((short) 3);
        file.position(ELF_HEADER);
        load(file, CODE, 5, HEADER);
        load(file, MEMORY, 6, size);
        programHeader(file, 0x6474e551, 6, 0, 0, 16); // PT_GNU_STACK: not executable
        file.put(machine.interpreter());
        file.putInt(FIRST_STEP, MEMORY + firstStep);
        file.position(DATA).put(data);
        stepAddresses.forEach((offset, step) ->
                file.putLong(DATA + offset, address(target(step.label(), 0), firstStep) + (long) step.offset()));
        for (var i = 0; i < steps.size(); i++) {
            write(
                    steps.get(i),
                    i,
                    file.slice(firstStep + i * STEP, STEP).order(ByteOrder.LITTLE_ENDIAN),
                    firstStep,
                    machine);
        }
        return file.array();
    }

    private static void load(ByteBuffer file, int address, int flags, int size) {
        programHeader(file, 1, flags, address, size, 1 << 16);
    }

    private static void programHeader(ByteBuffer file, int type, int flags, int address, int size, int alignment) {
        file.putInt(type).putInt(flags).putLong(0).putLong(address).putLong(address);
        file.putLong(size).putLong(size).putLong(alignment);
    }

    private void write(Step step, int number, ByteBuffer record, int firstStep, Machine machine) {
        record.putInt(0, machine.number(step.call));
        var address = address(number, firstStep);
        record.putInt(STEP_STORE, step.storeAt == 0 ? address + STEP_RESULT : (int) step.storeAt);
        for (var i = 0; i < step.args.size(); i++) {
            var value = STEP_ARGS + i * Long.BYTES;
            var source = STEP_SOURCES + i * Integer.BYTES;
            var arg = step.args.get(i);
            if (arg instanceof Arg.Constant constant) {
                record.putLong(value, constant.value());
            } else if (arg instanceof Arg.Flags flags) {
                record.putLong(value, flags.value());
            } else if (arg instanceof Arg.OpenFlags flags) {
                record.putLong(value, machine.openFlags(flags.value()));
            } else if (arg instanceof Arg.Pointer pointer) {
                record.putLong(value, pointer.address());
            } else if (arg instanceof Arg.Word word) {
                record.putInt(source, (int) word.address() | (word.half() ? HALF : 0));
            } else if (arg instanceof Arg.Result result) {
                record.putInt(source, address(result.step(), firstStep) + STEP_RESULT);
            }
        }
        for (var i = 0; i < MOST_CASES; i++) {
            // one that is not used stands for 0, which is then a success like others
            var each = i < step.cases.size() ? step.cases.get(i) : new Step.Case(0, step.onSuccess);
            record.putInt(STEP_CASES + i * Long.BYTES, each.result());
            record.putInt(STEP_CASES + i * Long.BYTES + 4, address(target(each.target(), number), firstStep));
        }
        record.putInt(STEP_ON_SUCCESS, address(target(step.onSuccess, number), firstStep));
        record.putInt(
                STEP_ON_FAILURE,
                step.onFailure.equals(Step.UNHANDLED) ? 0 : address(target(step.onFailure, number), firstStep));
        record.putInt(STEP_NUMBER, number);
        record.putInt(STEP_CHAIN, address(target(step.chain, number), firstStep));
    }

    private static int address(int step, int firstStep) {
        return MEMORY + firstStep + step * STEP;
    }

    private int target(String label, int step) {
        return label.equals(Step.NEXT)
                ? Math.min(step + 1, steps.size() - 1)
                : Objects.requireNonNull(labels.get(label));
    }

    /**
     * The program as strace(1) would show it: a line for each step, numbered from 0, with where it goes on if that is not
     * the next one. Environments are left out, since they may hold secrets.
     */
    public String listing() {
        var text = new StringBuilder();
        for (var i = 0; i < steps.size(); i++) {
            for (var label : labels.entrySet()) {
                if (label.getValue() == i) {
                    text.append(label.getKey()).append(":\n");
                }
            }
            text.append(String.format("%4d  ", i)).append(line(steps.get(i))).append('\n');
        }
        return text.toString();
    }

    private static String line(Step step) {
        var text = new StringBuilder(step.call.toString()).append('(');
        for (var i = 0; i < step.args.size(); i++) {
            text.append(i == 0 ? "" : ", ").append(step.args.get(i).shown());
        }
        text.append(')');
        if (step.storeAt != 0) {
            text.append(" = *").append(Arg.Pointer.MEMORY).append(step.storeAt - DATA_ADDRESS);
        }
        var before = " ? ";
        for (var each : step.cases) {
            text.append(before).append(result(each.result())).append(arrow(each.target()));
            before = ", ";
        }
        if (!step.onSuccess.equals(Step.NEXT)) {
            text.append(before).append("ok").append(arrow(step.onSuccess));
            before = ", ";
        }
        if (!step.onFailure.equals(Step.UNHANDLED)) {
            text.append(before).append("failed").append(arrow(step.onFailure));
        }
        return text.toString();
    }

    private static String result(int result) {
        return result < 0 ? Errno.of(result).name() : Integer.toString(result);
    }

    private static String arrow(String target) {
        return " -> " + (target.equals(Step.NEXT) ? "next" : target);
    }

    /**
     * What a report says: eight bytes, the number of the step and its error number.
     *
     * @param what what could not be done, as in {@code cannot start web}
     * @param report what {@link LaunchBuilder#reportFailuresTo} sent; exactly eight bytes
     */
    public KernelException failure(String what, byte[] report) {
        if (report.length != FAILURE_SIZE) {
            throw new IllegalArgumentException("a report has eight bytes, not " + report.length);
        }
        var words = ByteBuffer.wrap(report).order(ByteOrder.LITTLE_ENDIAN);
        return failure(what, words.getInt(), words.getInt());
    }

    private KernelException failure(String what, int number, int errno) {
        if (number < 0 || number >= steps.size()) {
            throw new IllegalArgumentException("no step " + number);
        }
        var step = steps.get(number);
        return new KernelException(
                what,
                step.call.toString(),
                step.object,
                errno,
                Errno.of(errno).toString(),
                Map.of("step", number),
                step.help,
                null);
    }

    /** {@code LaunchProgram[141 steps]}. */
    @Override
    public String toString() {
        return "LaunchProgram[" + steps.size() + " steps]";
    }
}
