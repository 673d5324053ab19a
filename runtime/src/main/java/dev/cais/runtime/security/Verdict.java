package dev.cais.runtime.security;

/**
 * What a filter says about one call.
 *
 * @param data of the action: the error number for {@link Action#ERRNO}, the message for {@link Action#TRACE}
 */
public record Verdict(Action action, int data) {
    /** In the kernel's order of precedence, strictest first. */
    public enum Action {
        KILL_PROCESS(0x80000000),
        KILL_THREAD(0x00000000),
        TRAP(0x00030000),
        ERRNO(0x00050000),
        NOTIFY(0x7fc00000),
        TRACE(0x7ff00000),
        LOG(0x7ffc0000),
        ALLOW(0x7fff0000);

        private final int code;

        Action(int code) {
            this.code = code;
        }

        /** The upper half of the filter's result. */
        int code() {
            return code;
        }
    }

    static final Verdict ALLOW = new Verdict(Action.ALLOW, 0);

    /** Whether the call is made (and perhaps logged). */
    public boolean allows() {
        return action == Action.ALLOW || action == Action.LOG;
    }

    int result() {
        return action.code() | data & 0xffff;
    }

    /** @param result of a filter, as {@code SECCOMP_RET_} values are */
    static Verdict ofResult(int result) {
        for (var action : Action.values()) {
            if (action.code() == (result & 0xffff0000)) {
                return new Verdict(action, result & 0xffff);
            }
        }
        throw new IllegalArgumentException("not a filter's result: " + Integer.toHexString(result));
    }
}
