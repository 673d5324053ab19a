package dev.cais.runtime.security;

import java.util.List;
import java.util.Set;

/**
 * A profile as it applies to one container on one kind of machine: rules that ask for other capabilities, machines or kernels
 * are gone.
 *
 * @param verdict on calls that no rule is about
 * @param architectures that programs may use, the machine's own among them
 * @param rules in the profile's order
 * @param flags for seccomp(2)
 */
record FilterRules(Verdict verdict, Set<Architecture> architectures, List<SyscallRule> rules, long flags) {}
