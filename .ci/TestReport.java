import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;

/** Prints a line per module, then skipped tests by reason and failures, from Surefire's reports; fails if any test failed. */
class TestReport {
    private static final Map<String, List<String>> SKIPPED = new TreeMap<>();
    private static final List<String> FAILED = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        var modules = new ArrayList<String>();
        var matcher = java.util.regex.Pattern.compile("<module>(.*?)</module>")
                .matcher(Files.readString(Path.of(arguments[0], "pom.xml")));
        while (matcher.find()) {
            modules.add(matcher.group(1));
        }

        System.out.printf("%-20s %8s %8s %8s %10s%n", "module", "tests", "failed", "skipped", "seconds");
        for (var module : modules) {
            print(module, Path.of(arguments[0], module, "target", "surefire-reports"));
        }
        SKIPPED.forEach((reason, tests) -> {
            System.out.println("\nSkipped: " + reason);
            tests.forEach(test -> System.out.println("  " + test));
        });
        FAILED.forEach(failure -> System.out.println("\nFailed: " + failure));
        System.exit(FAILED.isEmpty() ? 0 : 1);
    }

    private static void print(String module, Path directory) throws Exception {
        if (reports(directory).isEmpty()) {
            System.out.printf("%-20s %8s%n", module, Files.exists(directory.getParent().resolveSibling("src/test")) ? "not run" : "none");
            return;
        }
        int tests = 0;
        int failed = 0;
        int skipped = 0;
        double seconds = 0;
        for (var report : reports(directory)) {
            var suite = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile()).getDocumentElement();
            var cases = suite.getElementsByTagName("testcase");
            for (int i = 0; i < cases.getLength(); i++) {
                var test = (Element) cases.item(i);
                var name = module + ": " + simpleName(test.getAttribute("classname")) + "." + test.getAttribute("name");
                tests++;
                seconds += Double.parseDouble(test.getAttribute("time").replace(",", ""));
                if (test.getElementsByTagName("skipped").item(0) instanceof Element skip) {
                    skipped++;
                    SKIPPED.computeIfAbsent(reason(skip), key -> new ArrayList<>()).add(name);
                } else if (first(test, "failure", "error") instanceof Element problem) {
                    failed++;
                    FAILED.add(name + "\n  " + problem.getAttribute("message").strip().replace("\n", "\n  "));
                }
            }
        }
        System.out.printf(Locale.ROOT, "%-20s %8d %8d %8d %10.1f%n", module, tests, failed, skipped, seconds);
    }

    private static List<Path> reports(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (var files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(".xml")).sorted().toList();
        }
    }

    private static Object first(Element test, String... names) {
        for (var name : names) {
            if (test.getElementsByTagName(name).getLength() > 0) {
                return test.getElementsByTagName(name).item(0);
            }
        }
        return null;
    }

    private static String reason(Element skip) {
        var reason = skip.getAttribute("message");
        if (reason.isEmpty()) { // aborted by the test itself: the text is the exception and its stack
            var aborted = skip.getTextContent().lines().findFirst().orElse("no reason given");
            return aborted.replaceFirst("^[\\w.]+(Exception|Error): ", "");
        }
        return reason;
    }

    private static String simpleName(String className) {
        return className.substring(className.lastIndexOf('.') + 1);
    }
}
