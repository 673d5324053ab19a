package dev.cais.runtime;

import dev.cais.linux.Abi;
import dev.cais.runtime.cgroup.CgroupBranch;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchProgram;
import java.util.List;
import java.util.Optional;

/**
 * The launch program of a process beside a container's first one.
 *
 * <p>The first process opens what it needs of the host, enters the namespaces of the container, and is not dumpable before the
 * container can see it; its child, the JVM's too, enters the control group and turns into the program.
 */
final class ExecProgram {
    private ExecProgram() {}

    /**
     * @param namespaces that are entered. Not the cgroup namespace: it gets one whose top is its own group, so that it sees what the
     *     first process sees
     */
    static LaunchProgram of(
            Blueprint blueprint, Confinement confinement, CgroupBranch cgroup, long namespaces, Stdio stdio) {
        var program = LaunchProgram.builder().reportFailuresTo(ContainerProgram.REPORT);
        program.resetInherited(
                stdio.inherited(ContainerProgram.REPORT, ContainerProgram.ENTERED, ContainerProgram.CGROUP));
        ProcessSteps.leadGroup(program);
        if (confinement.label().isPresent()) {
            // the container's own could have something over it
            program.open("/proc", Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC, 0);
        }
        var proc = program.result();
        List<Arg.Result> taskFiles = cgroup.taskFiles().stream()
                .map(file -> program.open(file.toString(), Abi.O_WRONLY | Abi.O_CLOEXEC, 0)
                        .result())
                .toList();
        program.setns(Arg.of(ContainerProgram.ENTERED), namespaces);
        if (cgroup.directory().isPresent()) {
            ProcessSteps.cloneAndReport(program, 0, ContainerProgram.CGROUP);
        } else {
            ProcessSteps.cloneAndReport(program, 0);
        }
        for (var file : taskFiles) {
            program.write(file, "0");
            program.close(file);
        }
        program.unshare(Abi.CLONE_NEWCGROUP);
        if (!cgroup.isThere()) {
            // whom its children leave behind becomes its child, so that all of them are found when it is to be killed
            program.prctl(Abi.PR_SET_CHILD_SUBREAPER, 1);
        }
        ProcessSteps.label(program, confinement, proc);
        Optional<Arg> terminal = stdio instanceof Stdio.Terminal size
                ? Optional.of(ProcessSteps.openTerminal(program, size))
                : Optional.empty();
        ProcessSteps.becomeProgram(program, blueprint, confinement, List.of(), stdio, terminal);
        return program.build();
    }
}
