package dev.cais.runtime.security;

/** Profiles whose filters are long. */
final class LongProfiles {
    private LongProfiles() {}

    /** Each of so many calls has an argument rule of its own, so that no code is shared. */
    static String manyDifferentRules(int calls) {
        var rules = new StringBuilder();
        SyscallNumbers.names()
                .sorted()
                .limit(calls)
                .forEach(name -> rules.append(rules.isEmpty() ? "" : ",\n")
                        .append("""
                        {"names": ["%s"], "action": "SCMP_ACT_ERRNO", "errnoRet": %d, "args": [
                          {"index": 0, "op": "SCMP_CMP_GE", "value": %d}, {"index": 1, "op": "SCMP_CMP_NE", "value": 1}]}""".formatted(name, rules.length() % 4000, rules.length() % 50)));
        return """
                {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [
                %s]}
                """.formatted(rules);
    }
}
