package dev.cais.runtime.build;

import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.Layer;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that the outcome of a step depends on.
 *
 * @param below layers that the step is carried out on; their digest is among the aspects
 * @param aspects what is said of each, by what it is called in a sentence
 */
record StepKey(List<Layer> below, Map<String, String> aspects) {
    private static final int MOST_NAMED = 3;

    StepKey {
        below = List.copyOf(below);
        aspects = Collections.unmodifiableMap(new LinkedHashMap<>(aspects));
    }

    static StepKey of(StageFiles below, String instruction) {
        return new StepKey(below.layers(), Map.of())
                .with(
                        below.isBase() ? "the base image" : "what is below it",
                        below.chain().toString())
                .with("the instruction", instruction);
    }

    /** Several values as one, other for others: a list of two texts is not one of both with a comma between them. */
    static String text(Object... values) {
        return new String(JsonObject.write(List.of(values)), StandardCharsets.UTF_8);
    }

    StepKey with(String aspect, String value) {
        return with(Map.of(aspect, value));
    }

    StepKey with(Map<String, String> more) {
        var all = new LinkedHashMap<>(aspects);
        all.putAll(more);
        return new StepKey(below, all);
    }

    Digest digest() {
        return Hash.sha256(JsonObject.write(new LinkedHashMap<>(aspects)));
    }

    /**
     * Without what variables hold, of which there are only digests.
     *
     * @param files that are copied, with what they hold; for sentences alone
     * @param made the layer
     */
    byte[] note(Map<String, String> files, Digest made) {
        var note = new LinkedHashMap<String, Object>();
        note.put("aspects", digests());
        note.put("files", files);
        note.put("layer", made.toString());
        return JsonObject.write(note);
    }

    private Map<String, String> digests() {
        var digests = new LinkedHashMap<String, String>();
        aspects.forEach((aspect, value) -> digests.put(
                aspect, Hash.sha256(value.getBytes(StandardCharsets.UTF_8)).toString()));
        return digests;
    }

    /** What {@link #note} has left. */
    record Note(JsonObject content) {
        /** Empty for one of another version, perhaps. */
        static Optional<Note> parse(byte[] note) {
            try {
                return Optional.of(new Note(JsonObject.parse(note, "note of a build")));
            } catch (EngineException e) {
                return Optional.empty();
            }
        }

        /** The layer. */
        Optional<Digest> made() {
            return content.findText("layer").map(Digest::parse);
        }
    }

    /** What is different from the last time; empty if nothing is. */
    String difference(Note before, Map<String, String> files) {
        var changed = new ArrayList<String>();
        var old = before.content().objectOrEmpty("aspects").toMap();
        digests().forEach((aspect, value) -> {
            if (!value.equals(old.get(aspect))) {
                changed.add(aspect);
            }
        });
        old.keySet().stream().filter(aspect -> !aspects.containsKey(aspect)).forEach(changed::add);
        if (changed.remove(FILES)) {
            changed.add(files(before.content().objectOrEmpty("files").toMap(), files));
        }
        return changed.isEmpty() ? "" : String.join(", ", changed) + " changed";
    }

    /** The aspect of what is copied. */
    static final String FILES = "the files";

    private static String files(Map<String, ?> before, Map<String, String> now) {
        List<String> changed = new ArrayList<>();
        now.forEach((path, value) -> {
            if (!value.equals(before.get(path))) {
                changed.add(path);
            }
        });
        before.keySet().stream().filter(path -> !now.containsKey(path)).forEach(changed::add);
        if (changed.isEmpty()) {
            return FILES;
        }
        var named = String.join(", ", changed.subList(0, Math.min(MOST_NAMED, changed.size())));
        return changed.size() <= MOST_NAMED ? named : named + " and " + (changed.size() - MOST_NAMED) + " more files";
    }
}
