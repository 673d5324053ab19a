package dev.cais.runtime.security;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.cais.InvalidSpecException;
import dev.cais.linux.Errno;
import dev.cais.runtime.security.Condition.Comparison;
import dev.cais.runtime.security.Verdict.Action;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads a profile in Docker's JSON format, token by token, and leaves only the rules that apply: to this machine, these
 * capabilities, this kernel. Unknown fields are skipped, as Docker does; unknown values are errors.
 *
 * @see <a href="https://docs.docker.com/engine/security/seccomp/">Docker, Seccomp security profiles</a>
 * @see <a href="https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#seccomp">OCI runtime spec,
 *     Seccomp</a>
 */
final class ProfileReader {
    private static final int MAX_LENGTH = 1 << 20;
    private static final int MAX_ERRNO = 4095;
    private static final BigInteger MAX_VALUE = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
    private static final Pattern KERNEL = Pattern.compile("(\\d{1,5})\\.(\\d{1,5})(?:\\D.*)?");
    private static final JsonFactory JSON = new JsonFactory();

    private static final long LOG = 1L << 1; // SECCOMP_FILTER_FLAG_LOG
    private static final long SPEC_ALLOW = 1L << 2; // SECCOMP_FILTER_FLAG_SPEC_ALLOW

    /** libseccomp's names of architectures that a host of ours never runs; a profile may name them. */
    private static final Set<String> FOREIGN = Set.of(
            "LOONGARCH64",
            "M68K",
            "MIPS",
            "MIPS64",
            "MIPS64N32",
            "MIPSEL",
            "MIPSEL64",
            "MIPSEL64N32",
            "PARISC",
            "PARISC64",
            "PPC",
            "PPC64",
            "PPC64LE",
            "RISCV64",
            "S390",
            "S390X",
            "SH",
            "SHEB");

    private final JsonParser json;
    private final Architecture host;
    private final Set<Capability> capabilities;
    private final String kernel;

    private @Nullable Action action;
    private @Nullable Integer errnoRet;
    private @Nullable Set<Architecture> listed;
    private @Nullable Set<Architecture> mapped;
    private final List<SyscallRule> rules = new ArrayList<>();
    private int syscalls;
    private long flags = SPEC_ALLOW;

    private ProfileReader(JsonParser json, Architecture host, Set<Capability> capabilities, String kernel) {
        this.json = json;
        this.host = host;
        this.capabilities = capabilities;
        this.kernel = kernel;
    }

    /**
     * @param kernel its release, as {@code 6.1.0-56-amd64}
     * @return empty if the profile has neither a default action nor a rule, which to Docker means no filter
     * @throws InvalidSpecException if the profile is malformed, with its line
     */
    static Optional<FilterRules> read(String text, Architecture host, Set<Capability> capabilities, String kernel) {
        if (text.length() > MAX_LENGTH) {
            throw new InvalidSpecException(
                    "cannot use the seccomp profile: it is longer than 1 MiB", Map.of("characters", text.length()), "");
        }
        try (var json = JSON.createParser(text)) {
            return new ProfileReader(json, host, capabilities, kernel).profile();
        } catch (JsonProcessingException e) {
            var location = e.getLocation();
            throw new InvalidSpecException(
                    "cannot read the seccomp profile: it is not JSON: " + firstLine(e.getOriginalMessage()),
                    location == null ? Map.of() : Map.of("line", location.getLineNr()),
                    "",
                    e);
        } catch (IOException e) {
            throw new InvalidSpecException("cannot read the seccomp profile: " + e.getMessage(), Map.of(), "", e);
        }
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("");
    }

    private InvalidSpecException invalid(String why) {
        return invalid(why, "");
    }

    private InvalidSpecException invalid(String why, String help) {
        return new InvalidSpecException(
                "cannot use the seccomp profile: " + why,
                Map.of("line", json.currentTokenLocation().getLineNr()),
                help);
    }

    private Optional<FilterRules> profile() throws IOException {
        json.nextToken();
        object("the profile", field -> {
            switch (field) {
                case "defaultAction" -> action = action(string(field));
                case "defaultErrnoRet" -> errnoRet = errno(field);
                case "architectures" -> array(field, () -> listed = with(listed, architecture(string("architecture"))));
                case "archMap" -> array(field, this::architectureMap);
                case "flags" -> flags(field);
                case "syscalls" -> array(field, this::rule);
                default -> json.skipChildren();
            }
        });
        if (json.nextToken() != null) {
            throw invalid("something stands behind its end");
        }
        if (action == null) {
            if (syscalls == 0) {
                return Optional.empty();
            }
            throw new InvalidSpecException("cannot use the seccomp profile: it has no defaultAction");
        }
        if (listed != null && mapped != null) {
            throw new InvalidSpecException(
                    "cannot use the seccomp profile: it has both architectures and archMap", "leave one of them out");
        }
        var architectures = EnumSet.of(host);
        architectures.addAll(listed != null ? listed : mapped != null ? mapped : Set.of());
        architectures.removeIf(architecture -> !runsOn(host, architecture));
        return Optional.of(
                new FilterRules(verdict(action, errnoRet), Set.copyOf(architectures), List.copyOf(rules), flags));
    }

    private static boolean runsOn(Architecture host, Architecture architecture) {
        var x86 = architecture == Architecture.X86_64
                || architecture == Architecture.X86
                || architecture == Architecture.X32;
        return x86 == (host == Architecture.X86_64);
    }

    private void architectureMap() throws IOException {
        var own = new ArrayList<Architecture>();
        var sub = new ArrayList<Architecture>();
        object("an entry of archMap", field -> {
            switch (field) {
                case "architecture" -> own.addAll(architecture(string(field)));
                case "subArchitectures" -> array(field, () -> sub.addAll(architecture(string(field))));
                default -> json.skipChildren();
            }
        });
        mapped = with(mapped, own.contains(host) ? sub : List.of());
    }

    private static Set<Architecture> with(@Nullable Set<Architecture> known, List<Architecture> more) {
        var all = EnumSet.noneOf(Architecture.class);
        if (known != null) {
            all.addAll(known);
        }
        all.addAll(more);
        return all;
    }

    /** One, or none if it is a foreign one. */
    private List<Architecture> architecture(String name) {
        if (name.startsWith("SCMP_ARCH_")) {
            var shortName = name.substring("SCMP_ARCH_".length());
            for (var architecture : Architecture.values()) {
                if (architecture.name().equals(shortName)) {
                    return List.of(architecture);
                }
            }
            if (FOREIGN.contains(shortName)) {
                return List.of();
            }
        }
        throw invalid("architecture " + name + " is unknown", "they are written as SCMP_ARCH_X86_64");
    }

    private void flags(String field) throws IOException {
        flags = 0;
        array(field, () -> {
            var flag = string("flag");
            switch (flag) {
                case "SECCOMP_FILTER_FLAG_LOG" -> flags |= LOG;
                case "SECCOMP_FILTER_FLAG_SPEC_ALLOW" -> flags |= SPEC_ALLOW;
                case "SECCOMP_FILTER_FLAG_TSYNC" -> {} // the program that loads it has one thread
                default ->
                    throw invalid(
                            "flag " + flag + " is unknown",
                            "SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW and SECCOMP_FILTER_FLAG_TSYNC are known");
            }
        });
    }

    private Action action(String name) {
        return switch (name) {
            case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" -> Action.KILL_THREAD;
            case "SCMP_ACT_KILL_PROCESS" -> Action.KILL_PROCESS;
            case "SCMP_ACT_TRAP" -> Action.TRAP;
            case "SCMP_ACT_ERRNO" -> Action.ERRNO;
            case "SCMP_ACT_TRACE" -> Action.TRACE;
            case "SCMP_ACT_LOG" -> Action.LOG;
            case "SCMP_ACT_ALLOW" -> Action.ALLOW;
            case "SCMP_ACT_NOTIFY" -> throw invalid("action SCMP_ACT_NOTIFY needs a listener, and there is none");
            default ->
                throw invalid(
                        "action " + name + " is unknown",
                        "SCMP_ACT_ALLOW, _ERRNO, _KILL, _KILL_PROCESS, _KILL_THREAD, _LOG, _TRACE and _TRAP are known");
        };
    }

    private int errno(String field) throws IOException {
        var number = number(field);
        if (number < 0 || number > MAX_ERRNO) {
            throw invalid(field + " is not an error number, 0 to " + MAX_ERRNO);
        }
        return (int) number;
    }

    private static Verdict verdict(Action action, @Nullable Integer errnoRet) {
        if (action != Action.ERRNO && action != Action.TRACE) {
            return new Verdict(action, 0);
        }
        return new Verdict(action, errnoRet == null ? Errno.EPERM.number() : errnoRet);
    }

    /** One entry of {@code syscalls}, as it is read. */
    private static final class Draft {
        private final List<String> names = new ArrayList<>();
        private final List<Condition> conditions = new ArrayList<>();
        private @Nullable String name;
        private @Nullable Action action;
        private @Nullable Integer errnoRet;
        private boolean applies = true;
    }

    private void rule() throws IOException {
        syscalls++;
        var draft = new Draft();
        object("an entry of syscalls", field -> {
            switch (field) {
                case "name" -> draft.name = string(field);
                case "names" -> array(field, () -> draft.names.add(string("name")));
                case "action" -> draft.action = action(string(field));
                case "errnoRet" -> draft.errnoRet = errno(field);
                case "args" -> array(field, () -> draft.conditions.add(condition()));
                case "includes" -> draft.applies &= filter(field, true);
                case "excludes" -> draft.applies &= filter(field, false);
                default -> json.skipChildren();
            }
        });
        if (draft.name != null && !draft.name.isEmpty()) {
            if (!draft.names.isEmpty()) {
                throw invalid("an entry of syscalls has both name and names", "leave name out");
            }
            draft.names.add(draft.name);
        }
        if (draft.action == null) {
            throw invalid("an entry of syscalls has no action");
        }
        if (!draft.applies) {
            return;
        }
        var verdict = verdict(draft.action, draft.errnoRet);
        var names = List.copyOf(draft.names);
        var arguments =
                draft.conditions.stream().map(Condition::argument).distinct().count();
        if (arguments == draft.conditions.size()) {
            rules.add(new SyscallRule(names, verdict, List.copyOf(draft.conditions)));
        } else {
            // Two conditions on one argument: then each condition of the rule is a rule of its own, as runc has it.
            draft.conditions.forEach(condition -> rules.add(new SyscallRule(names, verdict, List.of(condition))));
        }
    }

    private Condition condition() throws IOException {
        var index = new long[1];
        var values = new long[2];
        var comparison = new Comparison[1];
        object("an argument", field -> {
            switch (field) {
                case "index" -> index[0] = number(field);
                case "value" -> values[0] = number(field);
                case "valueTwo" -> values[1] = number(field);
                case "op" -> comparison[0] = comparison(string(field));
                default -> json.skipChildren();
            }
        });
        if (index[0] < 0 || index[0] > 5) {
            throw invalid("argument index " + Long.toUnsignedString(index[0]) + " is not 0 to 5");
        }
        if (comparison[0] == null) {
            throw invalid("an argument has no op");
        }
        return new Condition((int) index[0], comparison[0], values[0], values[1]);
    }

    private Comparison comparison(String op) {
        for (var comparison : Comparison.values()) {
            if (op.equals("SCMP_CMP_" + comparison)) {
                return comparison;
            }
        }
        throw invalid("op " + op + " is unknown", "SCMP_CMP_NE, _LT, _LE, _EQ, _GE, _GT and _MASKED_EQ are known");
    }

    /** Whether what the filter says of capabilities, machine and kernel lets the rule apply. */
    private boolean filter(String name, boolean includes) throws IOException {
        var applies = new boolean[] {true};
        object(name, field -> {
            switch (field) {
                case "caps" -> {
                    var caps = strings(field);
                    var present = caps.stream()
                            .map(Capability::parse)
                            .filter(capabilities::contains)
                            .count();
                    applies[0] &= includes ? present == caps.size() : present == 0;
                }
                case "arches" -> {
                    var arches = strings(field);
                    var own = host == Architecture.X86_64 ? "amd64" : "arm64";
                    applies[0] &= arches.isEmpty() || arches.contains(own) == includes;
                }
                case "minKernel" -> {
                    var least = string(field);
                    applies[0] &= least.isEmpty() || compareKernels(kernel, least) >= 0 == includes;
                }
                default -> json.skipChildren();
            }
        });
        return applies[0];
    }

    private int compareKernels(String one, String other) {
        var left = kernelVersion(one);
        var right = kernelVersion(other);
        return Arrays.compare(left, right);
    }

    private int[] kernelVersion(String release) {
        var matcher = KERNEL.matcher(release);
        if (!matcher.matches()) {
            throw invalid("kernel version " + release + " is not two numbers, as 4.8");
        }
        return new int[] {Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))};
    }

    private interface Field {
        void read(String name) throws IOException;
    }

    private interface Element {
        void read() throws IOException;
    }

    /** Reads the object at the current token; {@code null} is an empty one. */
    private void object(String what, Field fields) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return;
        }
        if (json.currentToken() != JsonToken.START_OBJECT) {
            throw invalid(what + " is not an object");
        }
        while (json.nextToken() != JsonToken.END_OBJECT) {
            var name = json.currentName();
            json.nextToken();
            fields.read(name);
        }
    }

    /** Reads the array at the current token; {@code null} is an empty one. */
    private void array(String what, Element element) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return;
        }
        if (json.currentToken() != JsonToken.START_ARRAY) {
            throw invalid(what + " is not an array");
        }
        while (json.nextToken() != JsonToken.END_ARRAY) {
            element.read();
        }
    }

    private List<String> strings(String what) throws IOException {
        var strings = new ArrayList<String>();
        array(what, () -> strings.add(string(what)));
        return strings;
    }

    private String string(String what) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return "";
        }
        if (json.currentToken() != JsonToken.VALUE_STRING) {
            throw invalid(what + " is not a string");
        }
        return json.getText();
    }

    /** An unsigned number of 64 bits. */
    private long number(String what) throws IOException {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return 0;
        }
        if (json.currentToken() != JsonToken.VALUE_NUMBER_INT) {
            throw invalid(what + " is not a whole number");
        }
        var value = json.getBigIntegerValue();
        if (value.signum() < 0 || value.compareTo(MAX_VALUE) > 0) {
            throw invalid(what + " is not 0 to 2^64 - 1");
        }
        return value.longValue();
    }
}
