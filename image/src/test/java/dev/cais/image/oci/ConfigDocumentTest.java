package dev.cais.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigDocumentTest {
    @ParameterizedTest
    @ValueSource(strings = {"buildah-docker", "buildah-oci", "everything", "nothing", "old-docker"})
    void documentsOfAllOriginsAreRead(String name) throws IOException, URISyntaxException {
        var folder = Path.of(
                Objects.requireNonNull(getClass().getResource("config/" + name)).toURI());
        var content = Files.readAllBytes(folder.resolve("config.json"));

        assertThat(lines(ConfigDocument.parse(content, "it.json", ImageLimits.DEFAULT)))
                .isEqualTo(Files.readString(folder.resolve("expected.txt")));
    }

    private static String lines(ConfigDocument document) {
        var text = new StringBuilder("platform " + document.platform() + "\n");
        document.diffIds()
                .forEach(diffId -> text.append("layer ").append(diffId).append('\n'));
        document.history().forEach(entry -> text.append(entry).append('\n'));
        return text.append(document.config()).append('\n').toString();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                                            | field os is missing",
                "{'os':'linux'}                                | field architecture is missing",
                "{OS}                                          | field rootfs is missing",
                "{OS,'rootfs':{}}                              | field rootfs.type is missing",
                "{OS,'rootfs':{'type':'base'}}                 | field rootfs.type is base, not layers",
                "{OS,'rootfs':{'type':'layers','diff_ids':[1]}}     | field rootfs.diff_ids[0] is not a string",
                "{OS,'rootfs':{'type':'layers','diff_ids':['x']}}   | field rootfs.diff_ids[0] is no digest: x",
                "{OS,FS,'config':[]}                           | field config is not an object",
                "{OS,FS,'config':{'Env':'A=B'}}                | field config.Env is not an array",
                "{OS,FS,'config':{'Labels':{'a':1}}}           | field config.Labels.a is not a string",
                "{OS,FS,'created':'yesterday'}                 | field created is no time as RFC 3339 writes it: yesterday",
                "{OS,FS,'history':[{},{'created':'x'}]}        | field history[1].created is no time as RFC 3339 writes it: x",
                "{OS,FS,'config':{'Healthcheck':{HEALTH,'Interval':'5s'}}} | field config.Healthcheck.Interval is not a number",
                "{OS,FS,'config':{'Healthcheck':{HEALTH,'Timeout':5}}}     | field config.Healthcheck.Timeout is 5 ns,"
                        + " which no health check can have",
                "{OS,FS,'config':{'Healthcheck':{'Test':['HTTP','/']}}} | field config.Healthcheck.Test[0] is HTTP, not NONE,"
                        + " CMD or CMD-SHELL",
                "{OS,FS,'config':{'Healthcheck':{'Test':['CMD']}}}  | field config.Healthcheck.Test has no command",
            })
    void wrongFieldIsNamed(String text, String why) {
        var content = text.replace("OS", "'os':'linux','architecture':'amd64'")
                .replace("HEALTH", "'Test':['CMD','true']")
                .replace("FS", "'rootfs':{'type':'layers'}")
                .replace('\'', '"')
                .getBytes(StandardCharsets.UTF_8);

        assertThatThrownBy(() -> ConfigDocument.parse(content, "configuration sha256:1", ImageLimits.DEFAULT))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read configuration sha256:1: " + why);
    }
}
