package dev.cais.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Holds the arrows of the house: who may know whom, and what nobody may use. */
class ArchitectureTest {
    /** Each module, and the modules that it may know besides itself. */
    private static final Map<String, Set<String>> KNOWS = Map.of(
            "core", Set.of(),
            "storage", Set.of("core"),
            "image", Set.of("core", "storage"),
            "network", Set.of("core"),
            "runtime", Set.of("core", "storage", "image", "network"),
            "examples", Set.of("core"));

    private static final String API = "dev.cais";
    private static final Pattern MODULE_IN_PATH =
            Pattern.compile(".*/(?:cais-)?([a-z-]+)(?:/target/|-\\d[^/]*\\.jar!).*");
    private static final Pattern NAMELESS = Pattern.compile(".*(Manager|Helper|Utils?|Impl)");
    private static final Pattern GETTER = Pattern.compile("get[A-Z].*");

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(location -> !location.contains("fixtures"))
            .importPackages(API);

    @Test
    void modulesKnowOnlyThoseBelowThem() {
        assertThat(dependencies((from, to) -> to.getPackageName().startsWith(API)
                        && !module(to).equals(module(from))
                        && !KNOWS.get(module(from)).contains(module(to))))
                .isEmpty();
    }

    @Test
    void apiKnowsNothingOfTheKernelSeam() {
        assertThat(dependencies((from, to) -> isApi(from) && to.getPackageName().equals("dev.cais.linux")))
                .isEmpty();
    }

    @Test
    void examplesUseOnlyTheApi() {
        assertThat(dependencies((from, to) -> module(from).equals("examples")
                        && to.getPackageName().startsWith(API)
                        && !module(to).equals("examples")
                        && !isApi(to)))
                .isEmpty();
    }

    @Test
    void jnaIsAtHomeInTheKernelSeam() {
        assertThat(dependencies((from, to) -> to.getPackageName().startsWith("com.sun.jna")
                        && !from.getPackageName().equals("dev.cais.linux")))
                .isEmpty();
    }

    @Test
    void signaturesOfTheApiHoldOnlyTypesOfTheJdkAndOfTheApi() {
        var foreign = new TreeSet<String>();
        for (var type : CLASSES.that(in(API, JavaModifier.PUBLIC))) {
            var parents = Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream());
            var members = type.getMembers().stream()
                    .filter(member -> isVisible(member))
                    .flatMap(ArchitectureTest::typesOf);
            Stream.concat(parents, members)
                    .flatMap(used -> used.getAllInvolvedRawTypes().stream())
                    .map(JavaClass::getBaseComponentType)
                    .filter(used ->
                            !used.isPrimitive() && !used.getPackageName().startsWith("java.") && !isApi(used))
                    .forEach(used -> foreign.add(type.getName() + " shows " + used.getName()));
        }
        assertThat(foreign).isEmpty();
    }

    @Test
    void noPackageIsSplitOverTwoModules() {
        var homes = new TreeMap<String, Set<String>>();
        for (var type : CLASSES) {
            homes.computeIfAbsent(type.getPackageName(), name -> new TreeSet<>())
                    .add(path(type));
        }
        assertThat(homes)
                .allSatisfy((name, modules) -> assertThat(modules).as(name).containsExactly(moduleOf(name)));
        assertThat(homes.values().stream().flatMap(Set::stream)).contains("core", "storage", "image", "runtime");
    }

    @Test
    void packagesHaveNoCycles() {
        SlicesRuleDefinition.slices()
                .matching("dev.(**)")
                .should()
                .beFreeOfCycles()
                .check(CLASSES);
    }

    @Test
    void everyPackageTellsItsStoryAndWhereNullMayBe() {
        assertThat(CLASSES.stream().map(JavaClass::getPackage).distinct())
                .allSatisfy(named -> assertThat(named.isAnnotatedWith(NullMarked.class))
                        .as("@NullMarked package-info of " + named.getName())
                        .isTrue());
    }

    @Test
    void typesAreNamedByConceptsAndAccessorsHaveNoGet() {
        assertThat(CLASSES.stream().map(JavaClass::getSimpleName).filter(NAMELESS.asMatchPredicate()))
                .isEmpty();
        assertThat(CLASSES.stream()
                        .flatMap(type -> type.getMethods().stream())
                        .filter(method -> GETTER.matcher(method.getName()).matches()
                                && method.getRawParameterTypes().isEmpty()
                                && !isOfTheJdk(method))
                        .map(JavaMember::getFullName))
                .isEmpty();
    }

    /** Whether the name is not ours: that of a class or an interface above the type. */
    private static boolean isOfTheJdk(JavaMember method) {
        var owner = method.getOwner();
        return Stream.concat(owner.getAllRawSuperclasses().stream(), owner.getAllRawInterfaces().stream())
                .filter(type -> type.getPackageName().startsWith("java"))
                .flatMap(type -> type.getMethods().stream())
                .anyMatch(known -> known.getName().equals(method.getName()));
    }

    /**
     * A launch program is data that the kernel runs; of the host's programs only credential helpers and CNI plugins are started, which
     * the user names, git, whose work on a stranger's repository can so be killed and is not done in this JVM's memory, by examples stty,
     * which only their own terminal can be asked with, and by the benchmarks what they measure themselves against.
     */
    @Test
    void noProgramOfTheHostIsStarted() {
        assertThat(dependencies(
                        (from, to) -> (to.isAssignableTo(Process.class) || to.isEquivalentTo(ProcessBuilder.class))
                                && !from.getName().equals("dev.cais.linux.HostProgram")
                                && !from.getName().equals("dev.cais.examples.Terminal")
                                && !from.getName().equals("dev.cais.examples.Build")
                                && !from.getName().startsWith("dev.cais.examples.Benchmark")
                                && !from.getName().startsWith("dev.cais.examples.BuildBenchmark")
                                && !from.getName().startsWith("dev.cais.examples.NetworkBenchmark")))
                .isEmpty();
        assertThat(dependencies((from, to) -> to.getName().equals("dev.cais.linux.HostProgram")
                        && !from.getName().startsWith("dev.cais.linux.HostProgram")
                        && !from.getName().equals("dev.cais.image.registry.CredentialProgram")
                        && !from.getName().equals("dev.cais.network.cni.CniProgram")
                        && !from.getName().equals("dev.cais.runtime.build.GitProgram")
                        && !from.getName().equals("dev.cais.runtime.launch.UserNamespace")))
                .isEmpty();
    }

    /** Its locks are the process's: closing the same file anywhere in the JVM drops them. */
    @Test
    void nobodyLocksThroughFileChannel() {
        assertThat(CLASSES.stream()
                        .flatMap(type -> type.getMethodCallsFromSelf().stream())
                        .filter(call -> call.getTargetOwner().isAssignableTo(FileChannel.class)
                                && Set.of("lock", "tryLock")
                                        .contains(call.getTarget().getName()))
                        .map(Object::toString))
                .isEmpty();
    }

    private interface Arrow {
        boolean matches(JavaClass from, JavaClass to);
    }

    private static List<String> dependencies(Arrow forbidden) {
        return CLASSES.stream()
                .flatMap(type -> type.getDirectDependenciesFromSelf().stream())
                .filter(arrow -> forbidden.matches(
                        arrow.getOriginClass(), arrow.getTargetClass().getBaseComponentType()))
                .map(arrow -> arrow.getDescription())
                .sorted()
                .toList();
    }

    private static Stream<JavaType> typesOf(JavaMember member) {
        if (member instanceof JavaField field) {
            return Stream.of(field.getType());
        }
        var unit = (JavaCodeUnit) member;
        var thrown = unit.getThrowsClause().getTypes().stream().map(Function.<JavaType>identity());
        return Stream.of(unit.getParameterTypes().stream(), Stream.of(unit.getReturnType()), thrown)
                .flatMap(Function.identity());
    }

    private static DescribedPredicate<JavaClass> in(String packageName, JavaModifier modifier) {
        Predicate<JavaClass> wanted = type ->
                type.getPackageName().equals(packageName) && type.getModifiers().contains(modifier);
        return DescribedPredicate.describe(modifier + " in " + packageName, wanted);
    }

    private static boolean isVisible(JavaMember member) {
        return member.getModifiers().contains(JavaModifier.PUBLIC)
                || member.getModifiers().contains(JavaModifier.PROTECTED);
    }

    private static boolean isApi(JavaClass type) {
        return type.getPackageName().equals(API);
    }

    private static String module(JavaClass type) {
        return moduleOf(type.getPackageName());
    }

    private static String moduleOf(String packageName) {
        var parts = packageName.split("\\.");
        return parts.length < 3 || parts[2].equals("linux") ? "core" : parts[2];
    }

    /** The module that a class file was read from. */
    private static String path(JavaClass type) {
        var uri = type.getSource().orElseThrow().getUri().toString();
        var matcher = MODULE_IN_PATH.matcher(uri);
        assertThat(matcher.matches()).as(uri).isTrue();
        return matcher.group(1);
    }
}
