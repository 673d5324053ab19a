package dev.cais.runtime.security;

import java.util.List;

/**
 * One verdict on some calls.
 *
 * @param names of the calls; those that no table knows count for nothing
 * @param conditions that must all hold; none for every call
 */
record SyscallRule(List<String> names, Verdict verdict, List<Condition> conditions) {}
