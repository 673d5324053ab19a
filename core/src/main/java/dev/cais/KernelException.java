package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The kernel refused a system call that nothing more specific explains. */
public non-sealed class KernelException extends EngineException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final int errno;
    private final String errnoName;

    /**
     * @param what what could not be done, as in {@code cannot mount proc on /proc}
     * @param call the system call's name, as in {@code mount}
     * @param errno its error number, positive
     * @param errnoName the number's name and text, as in {@code EPERM (operation not permitted)}
     */
    public KernelException(String what, String call, int errno, String errnoName, Map<String, ?> facts, String help) {
        this(what, call, errno, errnoName, facts, help, null);
    }

    /** The form with a cause. */
    public KernelException(
            String what,
            String call,
            int errno,
            String errnoName,
            Map<String, ?> facts,
            String help,
            @Nullable Throwable cause) {
        this(what, call, "", errno, errnoName, facts, help, cause);
    }

    /**
     * The form that says what the call was applied to.
     *
     * @param object as in {@code of proc on /proc}, read after the call's name; may be empty
     */
    public KernelException(
            String what,
            String call,
            String object,
            int errno,
            String errnoName,
            Map<String, ?> facts,
            String help,
            @Nullable Throwable cause) {
        super(
                what + ": " + call + "(2)" + (object.isEmpty() ? "" : " " + object) + " failed with " + errnoName,
                facts,
                help,
                cause);
        this.call = call;
        this.errno = errno;
        this.errnoName = errnoName;
    }

    /** The system call that failed, as in {@code mount}. */
    public String call() {
        return call;
    }

    /** The error number, positive, as in errno(3). */
    public int errno() {
        return errno;
    }

    /** The error number's name and text, as in {@code EPERM (operation not permitted)}. */
    public String errnoName() {
        return errnoName;
    }
}
