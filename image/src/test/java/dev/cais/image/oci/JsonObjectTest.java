package dev.cais.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CorruptContentException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonObjectTest {
    @Test
    void fieldsAreReadByKind() {
        var json = parse("""
                {"text": "a", "number": 7, "yes": true, "none": null, "texts": ["x", "y"], "one": "z",
                 "map": {"b": "1", "a": null}, "set": {"80/tcp": {}, "53/udp": {}},
                 "objects": [{"text": "first"}, {"text": "second"}]}
                """);

        assertThat(json.text("text")).isEqualTo("a");
        assertThat(json.number("number")).isEqualTo(7);
        assertThat(json.numberOrZero("missing")).isZero();
        assertThat(json.flag("yes")).isTrue();
        assertThat(json.flag("missing")).isFalse();
        assertThat(json.has("none")).isFalse();
        assertThat(json.findText("none")).isEmpty();
        assertThat(json.texts("texts")).containsExactly("x", "y");
        assertThat(json.textOrTexts("one")).containsExactly("z");
        assertThat(json.texts("missing")).isEmpty();
        assertThat(json.textMap("map")).containsExactly(Map.entry("b", "1"), Map.entry("a", ""));
        assertThat(json.names("set")).containsExactly("80/tcp", "53/udp");
        assertThat(json.objects("objects"))
                .extracting(object -> object.text("text"))
                .containsExactly("first", "second");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                         | cannot read it.json: it is empty",
                "'{'                        | cannot read it.json: it is not valid JSON [byte=1]",
                "'{\"a\": 1,}'              | cannot read it.json: it is not valid JSON [byte=8]",
                "'{} {}'                    | cannot read it.json: something follows the JSON value",
                "'[]'                       | cannot read it.json: it is not an object",
                "'null'                     | cannot read it.json: it is not an object",
                "'{\"a\": {\"b\": 1, \"b\": 2}}' | cannot read it.json: field b is there twice in one object",
                "'NaN'                      | cannot read it.json: it is not valid JSON [byte=3]",
            })
    void whatIsNoObjectIsRefused(String text, String message) {
        assertThatThrownBy(() -> parse(text))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage(message);
    }

    @Test
    void wrongFieldIsNamedWithItsPlace() {
        var json = parse("""
                {"layers": [{"digest": "sha256:1"}, {}, 3], "n": 1.5, "big": 99999999999999999999, "list": ["a", 1],
                 "map": {"k": 1}, "text": 5, "flag": "yes"}
                """);

        refused(json, object -> object.objects("layers"), "field layers[2] is not an object");
        refused(json, object -> object.text("missing"), "field missing is missing");
        refused(json, object -> object.text("text"), "field text is not a string");
        refused(json, object -> object.number("n"), "field n is no 64-bit integer");
        refused(json, object -> object.number("big"), "field big is no 64-bit integer");
        refused(json, object -> object.number("missing"), "field missing is missing");
        refused(json, object -> object.texts("list"), "field list[1] is not a string");
        refused(json, object -> object.texts("map"), "field map is not an array");
        refused(json, object -> object.textMap("map"), "field map.k is not a string");
        refused(json, object -> object.flag("flag"), "field flag is not true or false");
        refused(json, object -> object.object("list"), "field list is not an object");

        var layers = parse("{\"layers\": [{\"digest\": \"sha256:1\\n\"}]}").objects("layers");
        refused(layers.get(0), object -> object.digest("digest"), "field layers[0].digest is no digest: sha256:1?");
    }

    private static void refused(JsonObject json, Function<JsonObject, Object> read, String why) {
        assertThatThrownBy(() -> read.apply(json))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read it.json: " + why);
    }

    @Test
    void depthAndNumberOfValuesAreBounded() {
        assertThatThrownBy(() -> JsonObject.parseArray(bytes("[".repeat(100_000)), "it.json"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read it.json: it is nested deeper than 64, or has an oversized number or name");
        assertThatThrownBy(() -> parse("{\"a\": [" + "0,".repeat(300_000) + "0]}"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read it.json: it has more than 200000 values");
    }

    @Test
    void whatIsWrittenIsReadBack() {
        var value = new LinkedHashMap<String, Object>();
        value.put("z", List.of("a\"\n", 1, true));
        value.put("a", new LinkedHashMap<>());

        assertThat(JsonObject.write(value))
                .asString(StandardCharsets.UTF_8)
                .isEqualTo("{\"z\":[\"a\\\"\\n\",1,true],\"a\":{}}");
        assertThat(JsonObject.parse(JsonObject.write(value), "it.json").toMap()).isEqualTo(value);
    }

    @Test
    void mutilatedDocumentsAreRefusedOrRead() {
        var random = new Random(20261121);
        var document = bytes("""
                {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2},"layers":[{}]}""");
        for (var i = 0; i < 50_000; i++) {
            var mutilated = document.clone();
            for (var changes = 1 + random.nextInt(4); changes > 0; changes--) {
                mutilated[random.nextInt(mutilated.length)] = (byte) random.nextInt(256);
            }
            try {
                JsonObject.write(JsonObject.parse(mutilated, "it.json").toMap());
            } catch (CorruptContentException e) {
                assertThat(e.getMessage()).startsWith("cannot read it.json: ").doesNotContain("\n");
            }
        }
    }

    private static JsonObject parse(String text) {
        return JsonObject.parse(bytes(text), "it.json");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
