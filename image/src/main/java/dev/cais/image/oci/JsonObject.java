package dev.cais.image.oci;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An object of a JSON document from outside. It knows where it stands in which document, so that what it refuses is named:
 * {@code cannot read manifest sha256:4f5a1c…: field layers[2].digest is missing}.
 *
 * <p>A document may be nested 64 deep and hold 200 000 values; its size is bounded by whoever reads its bytes. The same
 * field twice in one object is refused, since two readers could take different ones. Fields that nobody asks for are
 * ignored; {@code null} is the same as a field that is not there.
 */
public final class JsonObject {
    private static final int DEEPEST = 64;
    private static final int MOST_VALUES = 200_000;
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(DEEPEST)
                    .maxNumberLength(40)
                    .build())
            .build();

    private final String document;
    private final String path;
    private final Map<String, @Nullable Object> fields;

    private JsonObject(String document, String path, Map<String, @Nullable Object> fields) {
        this.document = document;
        this.path = path;
        this.fields = fields;
    }

    /**
     * @param document what is being read, as messages call it: {@code manifest sha256:4f5a1c…}
     * @throws CorruptContentException if it is not one JSON object
     */
    public static JsonObject parse(byte[] content, String document) {
        return object(document, "", parseValue(content, document));
    }

    /** An object without fields, of a document that is yet to be written. */
    public static JsonObject empty() {
        return new JsonObject("", "", Map.of());
    }

    /** The same for a document that is an array of objects. */
    public static List<JsonObject> parseArray(byte[] content, String document) {
        return objects(document, "", parseValue(content, document));
    }

    /** A document that is an array, of whatever; empty if it is anything else. */
    public static Optional<List<?>> findArray(String content) {
        try {
            if (parseValue(content.getBytes(StandardCharsets.UTF_8), "text") instanceof List<?> elements) {
                return Optional.of(elements);
            }
        } catch (CorruptContentException e) {
            // it is no JSON, which the caller may know to be something else
        }
        return Optional.empty();
    }

    private static @Nullable Object parseValue(byte[] content, String document) {
        try (var parser = JSON.createParser(content)) {
            return new Reading(document, parser).value();
        } catch (StreamConstraintsException e) {
            throw new CorruptContentException(
                    "cannot read " + document + ": it is nested deeper than " + DEEPEST
                            + ", or has an oversized number or name",
                    Map.of(),
                    "",
                    e);
        } catch (JsonProcessingException e) {
            var where = e.getLocation();
            throw new CorruptContentException(
                    "cannot read " + document + ": it is not valid JSON",
                    where == null ? Map.of() : Map.of("byte", where.getByteOffset()),
                    "",
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads tokens into maps and lists, without recursion. */
    private static final class Reading {
        private final String document;
        private final JsonParser parser;
        private final ArrayDeque<Object> open = new ArrayDeque<>();
        private int values;

        Reading(String document, JsonParser parser) {
            this.document = document;
            this.parser = parser;
        }

        @Nullable
        Object value() throws IOException {
            if (parser.nextToken() == null) {
                throw new CorruptContentException("cannot read " + document + ": it is empty");
            }
            var root = scalarOrOpened();
            while (!open.isEmpty()) {
                var token = parser.nextToken();
                if (token == JsonToken.END_OBJECT || token == JsonToken.END_ARRAY) {
                    open.pop();
                } else if (open.peek() instanceof Members members) {
                    var name = parser.currentName();
                    parser.nextToken();
                    var into = members.fields;
                    if (into.containsKey(name)) {
                        throw new CorruptContentException("cannot read " + document + ": field " + Shown.text(name)
                                + " is there twice in one object");
                    }
                    into.put(name, scalarOrOpened());
                } else if (open.peek() instanceof Elements elements) {
                    elements.values.add(scalarOrOpened());
                }
            }
            if (parser.nextToken() != null) {
                throw new CorruptContentException("cannot read " + document + ": something follows the JSON value");
            }
            return root;
        }

        private @Nullable Object scalarOrOpened() throws IOException {
            if (++values > MOST_VALUES) {
                throw new CorruptContentException(
                        "cannot read " + document + ": it has more than " + MOST_VALUES + " values");
            }
            switch (parser.currentToken()) {
                case START_OBJECT -> {
                    var members = new Members(new LinkedHashMap<>());
                    open.push(members);
                    return members.fields;
                }
                case START_ARRAY -> {
                    var elements = new Elements(new ArrayList<>());
                    open.push(elements);
                    return elements.values;
                }
                case VALUE_STRING -> {
                    return parser.getText();
                }
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
                    return parser.getNumberValue();
                }
                case VALUE_TRUE -> {
                    return true;
                }
                case VALUE_FALSE -> {
                    return false;
                }
                default -> {
                    return null;
                }
            }
        }

        private record Members(Map<String, @Nullable Object> fields) {}

        private record Elements(List<@Nullable Object> values) {}
    }

    /** The bytes of a document: compact, fields in the map's order, always the same for the same value. */
    public static byte[] write(Object value) {
        var bytes = new ByteArrayOutputStream();
        try (var generator = JSON.createGenerator(bytes, JsonEncoding.UTF8)) {
            write(value, generator);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Recursion is bounded: what is written was made here or read by {@link #parse}. */
    private static void write(@Nullable Object value, JsonGenerator generator) throws IOException {
        if (value instanceof Descriptor descriptor) {
            write(map(descriptor), generator);
        } else if (value instanceof Map<?, ?> map) {
            generator.writeStartObject();
            for (var entry : map.entrySet()) {
                generator.writeFieldName(entry.getKey().toString());
                write(entry.getValue(), generator);
            }
            generator.writeEndObject();
        } else if (value instanceof List<?> list) {
            generator.writeStartArray();
            for (var element : list) {
                write(element, generator);
            }
            generator.writeEndArray();
        } else if (value instanceof Boolean flag) {
            generator.writeBoolean(flag);
        } else if (value instanceof Number number) {
            generator.writeNumber(number.toString());
        } else if (value == null) {
            generator.writeNull();
        } else {
            generator.writeString(value.toString());
        }
    }

    /** A descriptor for {@link #write}, which also takes it as it is: what is empty is left out. */
    public static Map<String, Object> map(Descriptor descriptor) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("mediaType", descriptor.mediaType());
        fields.put("digest", descriptor.digest());
        fields.put("size", descriptor.size().bytes());
        if (!descriptor.urls().isEmpty()) {
            fields.put("urls", descriptor.urls());
        }
        if (!descriptor.annotations().isEmpty()) {
            fields.put("annotations", descriptor.annotations());
        }
        descriptor.platform().ifPresent(platform -> fields.put("platform", map(platform)));
        if (!descriptor.artifactType().isEmpty()) {
            fields.put("artifactType", descriptor.artifactType());
        }
        return fields;
    }

    /** The same for a platform. */
    public static Map<String, Object> map(Platform platform) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("architecture", platform.architecture());
        fields.put("os", platform.os());
        if (!platform.variant().isEmpty()) {
            fields.put("variant", platform.variant());
        }
        return fields;
    }

    /** What is being read, as messages call it. */
    public String document() {
        return document;
    }

    /** The whole object as maps, lists, strings, numbers and booleans, fields in the document's order. */
    public Map<String, @Nullable Object> toMap() {
        return Collections.unmodifiableMap(fields);
    }

    /** A changeable copy, without fields that are {@code null}. */
    public Map<String, Object> copy() {
        var copy = new LinkedHashMap<String, Object>();
        fields.forEach((name, value) -> {
            if (value != null) {
                copy.put(name, value);
            }
        });
        return copy;
    }

    public boolean has(String field) {
        return fields.get(field) != null;
    }

    public String text(String field) {
        return findText(field).orElseThrow(() -> wrong(field, "is missing"));
    }

    public Optional<String> findText(String field) {
        return find(field, String.class, "a string");
    }

    public Digest digest(String field) {
        return parseDigest(field, text(field));
    }

    /** A list of digests; empty if the field is not there. */
    public List<Digest> digests(String field) {
        var digests = new ArrayList<Digest>();
        for (var text : texts(field)) {
            digests.add(parseDigest(field + "[" + digests.size() + "]", text));
        }
        return digests;
    }

    private Digest parseDigest(String field, String text) {
        try {
            return Digest.parse(text);
        } catch (InvalidSpecException e) {
            throw wrong(field, "is no digest: " + Shown.text(text));
        }
    }

    public Descriptor descriptor(String field) {
        return object(field).toDescriptor();
    }

    public Optional<Descriptor> findDescriptor(String field) {
        return findObject(field).map(JsonObject::toDescriptor);
    }

    /** A list of descriptors; empty if the field is not there. */
    public List<Descriptor> descriptors(String field) {
        return objects(field).stream().map(JsonObject::toDescriptor).toList();
    }

    /** This object as a descriptor. */
    public Descriptor toDescriptor() {
        var size = number("size");
        if (size < 0) {
            throw wrong("size", "is negative");
        }
        return new Descriptor(
                text("mediaType"),
                digest("digest"),
                ByteSize.bytes(size),
                findObject("platform")
                        .map(platform -> new Platform(
                                platform.text("os"),
                                platform.text("architecture"),
                                platform.findText("variant").orElse(""))),
                findText("artifactType").orElse(""),
                textMap("annotations"),
                texts("urls"));
    }

    public long number(String field) {
        return find(field, Number.class, "a number")
                .map(number -> whole(field, number))
                .orElseThrow(() -> wrong(field, "is missing"));
    }

    /** A number, or 0 if there is none. */
    public long numberOrZero(String field) {
        return has(field) ? number(field) : 0;
    }

    private long whole(String field, Number number) {
        if (number instanceof Integer || number instanceof Long) {
            return number.longValue();
        }
        throw wrong(field, "is no 64-bit integer");
    }

    /** Whether a field is {@code true}; one that is not there is not. */
    public boolean flag(String field) {
        return find(field, Boolean.class, "true or false").orElse(false);
    }

    public JsonObject object(String field) {
        return findObject(field).orElseThrow(() -> wrong(field, "is missing"));
    }

    public Optional<JsonObject> findObject(String field) {
        return has(field) ? Optional.of(object(document, at(field), fields.get(field))) : Optional.empty();
    }

    /** An object without fields if there is none. */
    public JsonObject objectOrEmpty(String field) {
        return findObject(field).orElse(new JsonObject(document, at(field), Map.of()));
    }

    /** A list of objects; empty if the field is not there. */
    public List<JsonObject> objects(String field) {
        return has(field) ? objects(document, at(field), fields.get(field)) : List.of();
    }

    /** A list of strings; empty if the field is not there. */
    public List<String> texts(String field) {
        var texts = new ArrayList<String>();
        for (var element : find(field, List.class, "an array").orElse(List.of())) {
            if (!(element instanceof String text)) {
                throw wrong(field + "[" + texts.size() + "]", "is not a string");
            }
            texts.add(text);
        }
        return texts;
    }

    /** As {@link #texts}, but one string may stand for a list of one, as in configurations that old Dockers wrote. */
    public List<String> textOrTexts(String field) {
        return fields.get(field) instanceof String text ? List.of(text) : texts(field);
    }

    /** Strings by name, in order; a value that is {@code null} is empty text; empty if the field is not there. */
    public Map<String, String> textMap(String field) {
        var texts = new LinkedHashMap<String, String>();
        findObject(field)
                .ifPresent(object -> object.fields.forEach((name, value) -> {
                    if (value != null && !(value instanceof String)) {
                        throw object.wrong(name, "is not a string");
                    }
                    texts.put(name, value == null ? "" : (String) value);
                }));
        return texts;
    }

    /** The names of an object's fields, in order: how Go writes sets. Empty if the field is not there. */
    public List<String> names(String field) {
        return findObject(field)
                .map(object -> List.copyOf(object.fields.keySet()))
                .orElse(List.of());
    }

    /** Names a field of this object as the reason why the document is refused. */
    public CorruptContentException wrong(String field, String why) {
        return wrong(document, at(field), why);
    }

    private static CorruptContentException wrong(String document, String path, String why) {
        var what = path.isEmpty() ? "it" : "field " + Shown.text(path);
        return new CorruptContentException("cannot read " + document + ": " + what + " " + why);
    }

    private <T> Optional<T> find(String field, Class<T> type, String kind) {
        var value = fields.get(field);
        if (value != null && !type.isInstance(value)) {
            throw wrong(field, "is not " + kind);
        }
        return Optional.ofNullable(type.cast(value));
    }

    private String at(String field) {
        return path.isEmpty() ? field : path + "." + field;
    }

    private static List<JsonObject> objects(String document, String path, @Nullable Object value) {
        if (!(value instanceof List<?> elements)) {
            throw wrong(document, path, "is not an array");
        }
        var objects = new ArrayList<JsonObject>();
        for (var element : elements) {
            objects.add(object(document, path + "[" + objects.size() + "]", element));
        }
        return objects;
    }

    @SuppressWarnings("unchecked") // maps come from Reading alone
    private static JsonObject object(String document, String path, @Nullable Object value) {
        if (!(value instanceof Map<?, ?> map)) {
            throw wrong(document, path, "is not an object");
        }
        return new JsonObject(document, path, (Map<String, @Nullable Object>) map);
    }
}
