package dev.cais.runtime.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.runtime.security.Condition.Comparison;
import dev.cais.runtime.security.Verdict.Action;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class FilterCompilerTest {
    private static final Verdict REFUSED = new Verdict(Action.ERRNO, 1);
    private static final Verdict UNKNOWN = new Verdict(Action.ERRNO, 38);
    private static final Set<Architecture> X86 = Set.of(Architecture.X86_64, Architecture.X86, Architecture.X32);

    private static SeccompFilter compile(FilterRules rules) {
        return new SeccompFilter(FilterCompiler.compile(rules, Architecture.X86_64), 0, Architecture.X86_64);
    }

    private static SyscallRule rule(String name, Verdict verdict, Condition... conditions) {
        return new SyscallRule(List.of(name), verdict, List.of(conditions));
    }

    @Test
    void randomRulesSayWhatTheirTextSays() {
        var random = new Random(7);
        for (var round = 0; round < 2000; round++) {
            var rules = randomRules(random);
            var filter = compile(rules);
            for (var arguments : probes(rules)) {
                for (var architecture : X86) {
                    var passed = arguments.clone();
                    if (architecture == Architecture.X86) {
                        for (var index = 0; index < passed.length; index++) {
                            passed[index] &= 0xffffffffL;
                        }
                    }
                    for (var name : List.of("ioctl", "read")) {
                        var number = SyscallNumbers.of(architecture, name).orElseThrow()
                                | (architecture == Architecture.X32 ? Architecture.X32_BIT : 0);
                        assertThat(filter.evaluate(architecture, number, passed))
                                .as("%s %s %s of %s", architecture, name, List.of(passed[0], passed[1]), rules)
                                .isEqualTo(expected(rules, name, passed));
                    }
                }
            }
        }
    }

    private static FilterRules randomRules(Random random) {
        var values = new long[] {0, 1, 2, 7, 0xffff, 0xffffffffL, 0x1_0000_0000L, 0x7fff_0000_0001L, -1};
        var verdicts = List.of(
                Verdict.ALLOW,
                REFUSED,
                new Verdict(Action.ERRNO, 22),
                new Verdict(Action.KILL_PROCESS, 0),
                new Verdict(Action.LOG, 0));
        var rules = new ArrayList<SyscallRule>();
        var onlyOneArgument = random.nextBoolean();
        for (var count = random.nextInt(5); count >= 0; count--) {
            var conditions = new ArrayList<Condition>();
            for (var index = onlyOneArgument ? 1 : random.nextInt(3); index > 0; index--) {
                var comparisons = Comparison.values().length - (onlyOneArgument ? 1 : 0);
                conditions.add(new Condition(
                        index - 1,
                        Comparison.values()[random.nextInt(comparisons)],
                        values[random.nextInt(values.length)],
                        values[random.nextInt(values.length)]));
            }
            rules.add(new SyscallRule(
                    List.of("ioctl"), verdicts.get(random.nextInt(verdicts.size())), List.copyOf(conditions)));
        }
        rules.add(rule("rseq", Verdict.ALLOW));
        return new FilterRules(random.nextBoolean() ? Verdict.ALLOW : REFUSED, X86, List.copyOf(rules), 0);
    }

    private static List<long[]> probes(FilterRules rules) {
        var values = new TreeSet<Long>();
        for (var rule : rules.rules()) {
            for (var condition : rule.conditions()) {
                for (var value : List.of(condition.value(), condition.masked())) {
                    values.addAll(List.of(value - 1, value, value + 1, value ^ 1L << 32));
                }
            }
        }
        values.add(5L);
        var probes = new ArrayList<long[]>();
        for (var one : values) {
            probes.add(new long[] {one, one});
            probes.add(new long[] {one, 7});
            probes.add(new long[] {0, one});
        }
        return probes;
    }

    /** The plain reading, with numbers that have no width. */
    private static Verdict expected(FilterRules rules, String name, long[] arguments) {
        var said = rules.rules().stream()
                .filter(rule -> rule.names().contains(name) && !rule.verdict().equals(rules.verdict()))
                .toList();
        for (var rule : said) {
            if (rule.conditions().isEmpty()) {
                return rule.verdict();
            }
        }
        for (var action : Action.values()) {
            for (var rule : said) {
                if (rule.verdict().action() == action
                        && rule.conditions().stream()
                                .allMatch(condition -> holds(condition, arguments[condition.argument()]))) {
                    return rule.verdict();
                }
            }
        }
        return rules.verdict();
    }

    private static boolean holds(Condition condition, long argument) {
        var value = unsigned(argument);
        var other = unsigned(condition.value());
        return switch (condition.comparison()) {
            case NE -> !value.equals(other);
            case LT -> value.compareTo(other) < 0;
            case LE -> value.compareTo(other) <= 0;
            case EQ -> value.equals(other);
            case GE -> value.compareTo(other) >= 0;
            case GT -> value.compareTo(other) > 0;
            case MASKED_EQ ->
                value.and(other).equals(unsigned(condition.masked()).and(other));
        };
    }

    private static BigInteger unsigned(long value) {
        return new BigInteger(Long.toUnsignedString(value));
    }

    @Test
    void aCallNewerThanTheProfileIsUnknownAndNotRefused() {
        var filter = compile(
                new FilterRules(REFUSED, X86, List.of(rule("read", Verdict.ALLOW), rule("statx", Verdict.ALLOW)), 0));

        assertThat(filter.evaluate(Architecture.X86_64, 331)).isEqualTo(REFUSED);
        assertThat(filter.evaluate(Architecture.X86_64, 332)).isEqualTo(Verdict.ALLOW); // statx
        assertThat(filter.evaluate(Architecture.X86_64, 333)).isEqualTo(UNKNOWN);
        assertThat(filter.evaluate(Architecture.X86_64, -1)).isEqualTo(UNKNOWN);
        assertThat(filter.evaluate(Architecture.X86, 383)).isEqualTo(Verdict.ALLOW);
        assertThat(filter.evaluate(Architecture.X86, 384)).isEqualTo(UNKNOWN);
    }

    @Test
    void wherePermissionIsUsualNothingIsUnknown() {
        var filter = compile(new FilterRules(Verdict.ALLOW, X86, List.of(rule("read", REFUSED)), 0));

        assertThat(filter.evaluate(Architecture.X86_64, 0)).isEqualTo(REFUSED);
        assertThat(filter.evaluate(Architecture.X86_64, 999)).isEqualTo(Verdict.ALLOW);
    }

    @Test
    void anArchitectureThatIsNotNamedIsKilled() {
        var filter = compile(new FilterRules(Verdict.ALLOW, Set.of(Architecture.X86_64), List.of(), 0));
        var killed = new Verdict(Action.KILL_PROCESS, 0);

        assertThat(filter.evaluate(Architecture.X86_64, 1)).isEqualTo(Verdict.ALLOW);
        assertThat(filter.evaluate(Architecture.X86, 1)).isEqualTo(killed);
        assertThat(filter.evaluate(Architecture.X32, 1 | Architecture.X32_BIT)).isEqualTo(killed);
        assertThat(filter.evaluate(Architecture.AARCH64, 1)).isEqualTo(killed);
    }

    @Test
    void x32SharesItsNumbersWithX86_64UpToItsOwnBlock() {
        assertThat(SyscallNumbers.names()
                        .filter(name ->
                                SyscallNumbers.of(Architecture.X32, name).orElse(Architecture.X32_FIRST_OWN)
                                        < Architecture.X32_FIRST_OWN))
                .isNotEmpty()
                .allMatch(name ->
                        SyscallNumbers.of(Architecture.X32, name).equals(SyscallNumbers.of(Architecture.X86_64, name)));
        assertThat(SyscallNumbers.names()
                        .mapToInt(name ->
                                SyscallNumbers.of(Architecture.X86_64, name).orElse(0)))
                .allMatch(number -> number < Architecture.X32_FIRST_OWN);
    }

    @Test
    void x32sOwnNumbersAreTheNamesTheyHave() {
        var filter = compile(new FilterRules(REFUSED, X86, List.of(rule("ioctl", Verdict.ALLOW)), 0));

        assertThat(filter.evaluate(Architecture.X32, 514 | Architecture.X32_BIT))
                .isEqualTo(Verdict.ALLOW);
        assertThat(filter.evaluate(Architecture.X32, 515 | Architecture.X32_BIT))
                .isEqualTo(UNKNOWN);
    }

    @Test
    void aSocketOfAnAllowedFamilyIsNotOpenedByTheCallThatHidesItsArguments() {
        var family = new Condition(0, Comparison.EQ, 1, 0);
        var filter = compile(new FilterRules(
                REFUSED, X86, List.of(rule("socket", Verdict.ALLOW, family), rule("bind", Verdict.ALLOW)), 0));

        assertThat(filter.evaluate(Architecture.X86, 359, 1)).isEqualTo(Verdict.ALLOW);
        assertThat(filter.evaluate(Architecture.X86, 359, 2)).isEqualTo(REFUSED);
        assertThat(filter.evaluate(Architecture.X86, 102, 1)).isEqualTo(REFUSED); // socketcall(SYS_SOCKET)
        assertThat(filter.evaluate(Architecture.X86, 102, 2)).isEqualTo(Verdict.ALLOW); // socketcall(SYS_BIND)
        assertThat(filter.evaluate(Architecture.X86, 102, 3)).isEqualTo(REFUSED);
    }

    @Test
    void aFamilyThatIsRefusedIsRefusedInTheCallThatHidesItsArguments() {
        var family = new Condition(0, Comparison.EQ, 38, 0);
        var filter = compile(new FilterRules(
                Verdict.ALLOW, X86, List.of(rule("socket", REFUSED, family), rule("shmget", REFUSED)), 0));

        assertThat(filter.evaluate(Architecture.X86, 359, 38)).isEqualTo(REFUSED);
        assertThat(filter.evaluate(Architecture.X86, 359, 1)).isEqualTo(Verdict.ALLOW);
        assertThat(filter.evaluate(Architecture.X86, 102, 1)).isEqualTo(REFUSED);
        assertThat(filter.evaluate(Architecture.X86, 102, 2)).isEqualTo(Verdict.ALLOW);
        assertThat(filter.evaluate(Architecture.X86, 117, 23)).isEqualTo(REFUSED); // ipc(SHMGET)
        assertThat(filter.evaluate(Architecture.X86, 117, 1 << 16 | 23)).isEqualTo(REFUSED); // of another version
        assertThat(filter.evaluate(Architecture.X86, 117, 22)).isEqualTo(Verdict.ALLOW);
    }

    @Test
    void aFilterThatIsTooLongIsRefused() {
        assertThatThrownBy(() -> SeccompFilter.compile(
                        LongProfiles.manyDifferentRules(480), Capability.DEFAULT, Architecture.X86_64, "6.1"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageMatching(
                        "cannot use the seccomp profile: its filter is longer than the 4096 instructions that the kernel"
                                + " takes \\[instructions=\\d+]; fewer rules with arguments make it shorter");
    }
}
