package dev.cais.runtime.launch;

import dev.cais.linux.Syscall;
import java.util.ArrayList;
import java.util.List;

/** One system call of a program that is being written, and where to go on after it. */
final class Step {
    /** Where a step goes on if nothing else is said. */
    static final String NEXT = "";

    /** Where a failure goes that nobody handles: to {@link #chain}, noted. */
    static final String UNHANDLED = "!";

    /** Where to go on for one result. */
    record Case(int result, String target) {}

    final Syscall call;
    final List<Arg> args;
    final List<Case> cases = new ArrayList<>(0);
    /** What the call is applied to, for messages: {@code of proc on /proc}. */
    String object;

    String help = "";
    String onSuccess = NEXT;
    String onFailure = UNHANDLED;
    /** The label of the steps that follow an unhandled failure. */
    final String chain;
    /** Address of the word that takes the result too; 0 for none. */
    long storeAt;

    Step(Syscall call, String object, List<Arg> args, String chain) {
        this.call = call;
        this.object = object;
        this.args = args;
        this.chain = chain;
    }
}
