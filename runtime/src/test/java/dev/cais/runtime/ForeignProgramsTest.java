package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.Digest;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs and images that this host cannot execute. */
@RequiresRoot
@LeakChecked
class ForeignProgramsTest {
    private static Engine engine;

    @BeforeAll
    static void open(TestStore store, @TempDir Path directory) throws Exception {
        engine = store.openEngine();
        var rootfs = directory.resolve("rootfs.tar");
        Files.write(
                rootfs,
                new TarWriter()
                        .file("foreign", 0755, elfHeader())
                        .file("script", 0755, "#!/no/such/interpreter\n")
                        .file("data", 0644, "not executable\n")
                        .bytes());
        engine.images().importRootfs(rootfs, "foreign");
        Files.write(directory.resolve("other.tar"), imageForAnotherPlatform());
        engine.images().load(directory.resolve("other.tar"));
    }

    @AfterAll
    static void close() {
        engine.close();
    }

    /** A program for MIPS, as its header says. */
    private static byte[] elfHeader() {
        var header = new byte[64];
        System.arraycopy(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}, 0, header, 0, 7);
        header[16] = 2;
        header[18] = 8;
        header[20] = 1;
        return header;
    }

    private static byte[] imageForAnotherPlatform() throws Exception {
        var layer = new TarWriter().directory("etc/", 0755).bytes();
        var config =
                """
                {"architecture":"s390x","os":"linux","config":{"Cmd":["sh"]},\
                "rootfs":{"type":"layers","diff_ids":["%s"]}}""".formatted(Digest.sha256(MessageDigest.getInstance("SHA-256").digest(layer)));
        return new TarWriter()
                .file("layer.tar", 0644, layer)
                .file("config.json", 0644, config)
                .file("manifest.json", 0644, """
                        [{"Config":"config.json","RepoTags":["mainframe:latest"],"Layers":["layer.tar"]}]""")
                .bytes();
    }

    private static void run(String image, String command) {
        engine.containers().run(ContainerSpec.of(image).name("box").command(command));
    }

    @Test
    void anImageForAnotherPlatformIsRefused() {
        assertThatThrownBy(() -> run("mainframe", "sh"))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage("cannot start container box: image mainframe is for linux/s390x, this host is "
                        + Platform.host() + "; load the image for this platform");
    }

    @Test
    void aProgramForAnotherProcessorIsNamed() {
        assertThatThrownBy(() -> run("foreign", "/foreign"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot start box: /foreign cannot be executed: it is no program for this processor ("
                        + System.getProperty("os.arch")
                        + "), nor a script with an interpreter; use an image for this platform");
    }

    @Test
    void aMissingInterpreterIsToldFromAMissingProgram() {
        assertThatThrownBy(() -> run("foreign", "/script"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage(
                        "cannot start box: the image has /script, but not the interpreter that it names; see its first line, or"
                                + " what file(1) tells of it: it may need another C library's loader");
        assertThatThrownBy(() -> run("foreign", "/scripts"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot start box: there is no /scripts in the container; check the command's spelling");
    }

    @Test
    void aFileThatIsNotExecutableIsNamed() {
        assertThatThrownBy(() -> run("foreign", "/data"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot start box: /data cannot be executed: EACCES (permission denied); make it executable for the"
                                + " user it runs as");
    }
}
