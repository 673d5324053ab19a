package dev.cais.runtime.security;

import static dev.cais.runtime.security.FilterAssembler.AND;
import static dev.cais.runtime.security.FilterAssembler.JUMP_EQ;
import static dev.cais.runtime.security.FilterAssembler.JUMP_GE;
import static dev.cais.runtime.security.FilterAssembler.JUMP_GT;
import static dev.cais.runtime.security.FilterAssembler.LOAD;

import dev.cais.InvalidSpecException;
import dev.cais.linux.Errno;
import dev.cais.runtime.security.Condition.Comparison;
import dev.cais.runtime.security.Verdict.Action;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;

/**
 * Compiles rules to a program that is small and shallow: the kernel runs it once for every call's number when it is loaded (to
 * learn which calls it may let through without asking again), and translates it to machine code, so both count in a container's
 * start.
 *
 * <p>First the architecture, then a balanced search over ranges of numbers with one verdict, then the arguments of the few calls
 * whose verdict depends on them. Calls with equal rules share their code, on all architectures.
 */
final class FilterCompiler {
    /** Offsets in {@code struct seccomp_data}; both architectures are little endian. */
    private static final int NUMBER = 0;

    private static final int ARCHITECTURE = 4;
    private static final int ARGUMENTS = 16;

    /** For a call newer than the profile: what an older kernel would say, so that programs fall back. */
    private static final Verdict UNKNOWN = new Verdict(Action.ERRNO, Errno.ENOSYS.number());

    /** For an architecture that the profile does not name. */
    private static final Verdict FOREIGN = new Verdict(Action.KILL_PROCESS, 0);

    private static final Map<String, Integer> SOCKET_CALLS = Map.ofEntries(
            Map.entry("socket", 1),
            Map.entry("bind", 2),
            Map.entry("connect", 3),
            Map.entry("listen", 4),
            Map.entry("accept", 5),
            Map.entry("getsockname", 6),
            Map.entry("getpeername", 7),
            Map.entry("socketpair", 8),
            Map.entry("send", 9),
            Map.entry("recv", 10),
            Map.entry("sendto", 11),
            Map.entry("recvfrom", 12),
            Map.entry("shutdown", 13),
            Map.entry("setsockopt", 14),
            Map.entry("getsockopt", 15),
            Map.entry("sendmsg", 16),
            Map.entry("recvmsg", 17),
            Map.entry("accept4", 18),
            Map.entry("recvmmsg", 19),
            Map.entry("sendmmsg", 20));

    private static final Map<String, Integer> IPC_CALLS = Map.ofEntries(
            Map.entry("semop", 1),
            Map.entry("semget", 2),
            Map.entry("semctl", 3),
            Map.entry("semtimedop", 4),
            Map.entry("msgsnd", 11),
            Map.entry("msgrcv", 12),
            Map.entry("msgget", 13),
            Map.entry("msgctl", 14),
            Map.entry("shmat", 21),
            Map.entry("shmdt", 22),
            Map.entry("shmget", 23),
            Map.entry("shmctl", 24));

    /** What a search ends in. */
    private sealed interface Outcome permits Fixed, ByArguments {}

    private record Fixed(Verdict verdict) implements Outcome {}

    /** The first alternative that holds, or else the last verdict. */
    private record ByArguments(List<Alternative> alternatives, Verdict otherwise, boolean wide) implements Outcome {}

    private record Alternative(List<Condition> conditions, Verdict verdict) {}

    /** From {@code start}, unsigned, to the next range. */
    private record Range<T>(long start, T outcome) {}

    private final FilterRules rules;
    private final FilterAssembler assembler = new FilterAssembler();
    private final Map<ByArguments, Integer> written = new HashMap<>();

    private FilterCompiler(FilterRules rules) {
        this.rules = rules;
    }

    /** @throws InvalidSpecException if the program were longer than the kernel takes */
    static byte[] compile(FilterRules rules, Architecture host) {
        var compiler = new FilterCompiler(rules);
        compiler.write(host);
        if (compiler.assembler.size() > FilterAssembler.MAX_INSTRUCTIONS) {
            throw new InvalidSpecException(
                    "cannot use the seccomp profile: its filter is longer than the " + FilterAssembler.MAX_INSTRUCTIONS
                            + " instructions that the kernel takes",
                    Map.of("instructions", compiler.assembler.size()),
                    "fewer rules with arguments make it shorter");
        }
        return compiler.assembler.program();
    }

    private void write(Architecture host) {
        var tables = new EnumMap<Architecture, List<Range<Outcome>>>(Architecture.class);
        for (var architecture : rules.architectures()) {
            if (architecture != Architecture.X32) {
                tables.put(architecture, table(architecture));
            }
        }
        var foreign = assembler.returning(FOREIGN.result());
        for (var table : tables.values()) {
            table.forEach(range -> label(range.outcome())); // shared, so before all searches
        }
        var other = foreign;
        for (var narrow : List.of(Architecture.X86, Architecture.ARM)) {
            if (tables.containsKey(narrow)) {
                var numbers = assembler.step(LOAD, NUMBER, search(tables.get(narrow), this::label));
                other = assembler.jump(JUMP_EQ, narrow.audit(), numbers, other);
            }
        }
        var own = search(Objects.requireNonNull(tables.get(host)), this::label);
        if (host == Architecture.X86_64) {
            var x32 = rules.architectures().contains(Architecture.X32)
                    ? assembler.step(AND, ~Architecture.X32_BIT, own)
                    : foreign;
            own = assembler.jump(JUMP_GE, Architecture.X32_BIT, x32, own);
        }
        own = assembler.step(LOAD, NUMBER, own);
        assembler.step(LOAD, ARCHITECTURE, assembler.jump(JUMP_EQ, host.audit(), own, other));
    }

    /**
     * The ranges of numbers with one outcome each, from zero on. A number of x32 means what it means on x86-64, or lies in a
     * block that x86-64 does not use, so one table serves both.
     */
    private List<Range<Outcome>> table(Architecture architecture) {
        var withX32 =
                architecture == Architecture.X86_64 && rules.architectures().contains(Architecture.X32);
        var byNumber = new TreeMap<Integer, List<Alternative>>();
        var named = -1;
        for (var rule : rules.rules()) {
            for (var name : rule.names()) {
                var number = SyscallNumbers.of(architecture, name);
                if (number.isPresent()) {
                    named = Math.max(named, number.getAsInt());
                    add(byNumber, number.getAsInt(), rule.conditions(), rule.verdict());
                }
                if (withX32) {
                    var other = SyscallNumbers.of(Architecture.X32, name);
                    if (other.isPresent() && other.getAsInt() >= Architecture.X32_FIRST_OWN) {
                        byNumber.computeIfAbsent(other.getAsInt(), key -> new ArrayList<>()); // known, whatever is said
                        add(byNumber, other.getAsInt(), rule.conditions(), rule.verdict());
                    }
                }
                if (architecture == Architecture.X86) {
                    addMultiplexed(byNumber, name, rule);
                }
            }
        }
        var last = named;
        IntFunction<Outcome> usual = number ->
                new Fixed(number > last && last >= 0 && !rules.verdict().allows() ? UNKNOWN : rules.verdict());
        byNumber.computeIfAbsent(last, key -> List.of()); // so that a range begins behind it
        var ranges = new ArrayList<Range<Outcome>>();
        append(ranges, 0, usual.apply(0));
        for (var entry : byNumber.tailMap(0).entrySet()) {
            append(ranges, entry.getKey(), outcome(entry.getValue(), architecture.wideArguments()));
            append(ranges, entry.getKey() + 1, usual.apply(entry.getKey() + 1));
        }
        return ranges;
    }

    /** A rule with the profile's usual verdict says nothing, as in libseccomp's users: it must not hide another one. */
    private void add(
            Map<Integer, List<Alternative>> byNumber, int number, List<Condition> conditions, Verdict verdict) {
        if (!verdict.equals(rules.verdict())) {
            byNumber.computeIfAbsent(number, key -> new ArrayList<>()).add(new Alternative(conditions, verdict));
        }
    }

    /**
     * On i386 some calls can also be made through one call whose first argument tells which is meant and whose second points to
     * the real arguments, where no filter can look. Such a call is allowed if it is allowed whatever its arguments are, and
     * refused if it may be refused.
     */
    private void addMultiplexed(Map<Integer, List<Alternative>> byNumber, String name, SyscallRule rule) {
        if (rule.verdict().allows() && !rule.conditions().isEmpty()) {
            return;
        }
        var socket = SOCKET_CALLS.get(name);
        if (socket != null) {
            var condition = new Condition(0, Comparison.EQ, socket, 0);
            var number = SyscallNumbers.of(Architecture.X86, "socketcall").orElseThrow();
            add(byNumber, number, List.of(condition), rule.verdict());
        }
        var ipc = IPC_CALLS.get(name);
        if (ipc != null) {
            var condition = new Condition(0, Comparison.MASKED_EQ, 0xffff, ipc); // the upper half is a version
            var number = SyscallNumbers.of(Architecture.X86, "ipc").orElseThrow();
            add(byNumber, number, List.of(condition), rule.verdict());
        }
    }

    /**
     * Where rules contradict each other, one without conditions wins over those with some, and the first such over later ones, as
     * in libseccomp; of those with conditions that hold, the strictest wins, so that their order does not matter.
     */
    private Outcome outcome(List<Alternative> alternatives, boolean wide) {
        for (var alternative : alternatives) {
            if (alternative.conditions().isEmpty()) {
                return new Fixed(alternative.verdict());
            }
        }
        if (alternatives.isEmpty()) {
            return new Fixed(rules.verdict());
        }
        var strictestFirst = alternatives.stream()
                .sorted(Comparator.comparing(
                        alternative -> alternative.verdict().action()))
                .toList();
        return new ByArguments(strictestFirst, rules.verdict(), wide);
    }

    private static <T> void append(List<Range<T>> ranges, long start, T outcome) {
        var last = ranges.size() - 1;
        if (last >= 0 && ranges.get(last).start() == start) {
            ranges.remove(last--);
        }
        if (last < 0 || !ranges.get(last).outcome().equals(outcome)) {
            ranges.add(new Range<>(start, outcome));
        }
    }

    private interface Labels<T> {
        int of(T outcome);
    }

    /** Code that finds the range of the loaded word; returns its first instruction. */
    private <T> int search(List<Range<T>> ranges, Labels<T> labels) {
        if (ranges.size() == 1) {
            return labels.of(ranges.get(0).outcome());
        }
        var middle = ranges.size() / 2;
        var upper = search(ranges.subList(middle, ranges.size()), labels);
        var lower = search(ranges.subList(0, middle), labels);
        return assembler.jump(JUMP_GE, (int) ranges.get(middle).start(), upper, lower);
    }

    private int label(Outcome outcome) {
        if (outcome instanceof ByArguments byArguments) {
            var standing = written.get(byArguments);
            if (standing == null) {
                standing = write(byArguments);
                written.put(byArguments, standing);
            }
            return standing;
        }
        return assembler.returning(((Fixed) outcome).verdict().result());
    }

    private int write(ByArguments outcome) {
        var first = outcome.alternatives().get(0).conditions().get(0).argument();
        var oneArgument = outcome.alternatives().stream()
                .allMatch(alternative -> alternative.conditions().size() == 1
                        && alternative.conditions().get(0).argument() == first
                        && alternative.conditions().get(0).comparison() != Comparison.MASKED_EQ);
        return oneArgument ? writeSearch(outcome, first) : writeChain(outcome);
    }

    /** All alternatives are about one argument, so its values fall into ranges too. */
    private int writeSearch(ByArguments outcome, int argument) {
        var ranges = valueRanges(outcome);
        if (!outcome.wide()) {
            var low = ranges.stream().filter(range -> range.start() >>> 32 == 0).toList();
            return assembler.step(LOAD, ARGUMENTS + 8 * argument, search(low, this::verdict));
        }
        // First the upper half: where a range begins inside one of its values, that value needs a search of the lower
        // half.
        var uppers = new ArrayList<Range<Integer>>();
        for (var index = 0; index < ranges.size(); ) {
            var upper = ranges.get(index).start() >>> 32;
            var next = index + 1;
            while (next < ranges.size() && ranges.get(next).start() >>> 32 == upper) {
                next++;
            }
            var lower = new ArrayList<Range<Verdict>>();
            if ((int) ranges.get(index).start() != 0) {
                lower.add(new Range<>(0, ranges.get(index - 1).outcome()));
            }
            ranges.subList(index, next).forEach(range -> lower.add(new Range<>((int) range.start(), range.outcome())));
            if (lower.size() == 1) {
                uppers.add(new Range<>(upper, verdict(lower.get(0).outcome())));
            } else {
                uppers.add(new Range<>(
                        upper, assembler.step(LOAD, ARGUMENTS + 8 * argument, search(lower, this::verdict))));
                var follows = next < ranges.size() && ranges.get(next).start() >>> 32 == upper + 1;
                if (!follows && upper != 0xffffffffL) {
                    uppers.add(
                            new Range<>(upper + 1, verdict(ranges.get(next - 1).outcome())));
                }
            }
            index = next;
        }
        return assembler.step(LOAD, ARGUMENTS + 8 * argument + 4, search(uppers, label -> label));
    }

    private int verdict(Verdict verdict) {
        return assembler.returning(verdict.result());
    }

    private static List<Range<Verdict>> valueRanges(ByArguments outcome) {
        var starts = new TreeSet<Long>(Long::compareUnsigned);
        starts.add(0L);
        for (var alternative : outcome.alternatives()) {
            var value = alternative.conditions().get(0).value();
            starts.add(value);
            if (value != -1) {
                starts.add(value + 1);
            }
        }
        var ranges = new ArrayList<Range<Verdict>>();
        for (var start : starts) {
            var verdict = outcome.otherwise();
            for (var alternative : outcome.alternatives()) {
                if (holds(alternative.conditions().get(0), start)) {
                    verdict = alternative.verdict();
                    break;
                }
            }
            append(ranges, start, verdict);
        }
        return ranges;
    }

    private static boolean holds(Condition condition, long value) {
        var order = Long.compareUnsigned(value, condition.value());
        return switch (condition.comparison()) {
            case NE -> order != 0;
            case LT -> order < 0;
            case LE -> order <= 0;
            case EQ -> order == 0;
            case GE -> order >= 0;
            case GT -> order > 0;
            case MASKED_EQ -> (value & condition.value()) == (condition.masked() & condition.value());
        };
    }

    /** One alternative behind the other. */
    private int writeChain(ByArguments outcome) {
        var fails = verdict(outcome.otherwise());
        for (var index = outcome.alternatives().size() - 1; index >= 0; index--) {
            var alternative = outcome.alternatives().get(index);
            var holds = verdict(alternative.verdict());
            for (var last = alternative.conditions().size() - 1; last >= 0; last--) {
                holds = writeCondition(alternative.conditions().get(last), outcome.wide(), holds, fails);
            }
            fails = holds;
        }
        return fails;
    }

    private int writeCondition(Condition condition, boolean wide, int holds, int fails) {
        return switch (condition.comparison()) {
            case EQ -> writeHalves(condition, wide, JUMP_EQ, fails, holds, fails);
            case NE -> writeHalves(condition, wide, JUMP_EQ, holds, fails, holds);
            case GE -> writeOrder(condition, wide, JUMP_GE, holds, fails);
            case GT -> writeOrder(condition, wide, JUMP_GT, holds, fails);
            case LT -> writeOrder(condition, wide, JUMP_GE, fails, holds);
            case LE -> writeOrder(condition, wide, JUMP_GT, fails, holds);
            case MASKED_EQ -> writeMasked(condition, wide, holds, fails);
        };
    }

    /** Equality of both halves; on a narrow architecture the upper one is zero. */
    private int writeHalves(Condition condition, boolean wide, int code, int upperDiffers, int same, int lowerDiffers) {
        var upper = (int) (condition.value() >>> 32);
        if (!wide && upper != 0) {
            return upperDiffers;
        }
        var low = low(condition, assembler.jump(code, (int) condition.value(), same, lowerDiffers));
        return wide ? high(condition, assembler.jump(code, upper, low, upperDiffers)) : low;
    }

    /** {@code code} is true for values that are greater (or equal). */
    private int writeOrder(Condition condition, boolean wide, int code, int greater, int less) {
        var upper = (int) (condition.value() >>> 32);
        if (!wide && upper != 0) {
            return less;
        }
        var low = low(condition, assembler.jump(code, (int) condition.value(), greater, less));
        if (!wide) {
            return low;
        }
        var notGreater = assembler.jump(JUMP_EQ, upper, low, less);
        return high(condition, assembler.jump(JUMP_GT, upper, greater, notGreater));
    }

    private int writeMasked(Condition condition, boolean wide, int holds, int fails) {
        var mask = condition.value();
        var masked = condition.masked() & mask;
        if (!wide && masked >>> 32 != 0) {
            return fails;
        }
        var label = holds;
        if ((int) mask != 0) {
            var compared = assembler.jump(JUMP_EQ, (int) masked, holds, fails);
            label = low(condition, assembler.step(AND, (int) mask, compared));
        }
        if (wide && mask >>> 32 != 0) {
            var compared = assembler.jump(JUMP_EQ, (int) (masked >>> 32), label, fails);
            label = high(condition, assembler.step(AND, (int) (mask >>> 32), compared));
        }
        return label;
    }

    private int low(Condition condition, int next) {
        return assembler.step(LOAD, ARGUMENTS + 8 * condition.argument(), next);
    }

    private int high(Condition condition, int next) {
        return assembler.step(LOAD, ARGUMENTS + 8 * condition.argument() + 4, next);
    }
}
