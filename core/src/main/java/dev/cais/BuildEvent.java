package dev.cais;

import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * What happens in a build. Stages are built at the same time, so events of several steps are mixed; those of one step come in order, and no
 * two at once.
 */
public sealed interface BuildEvent {
    /**
     * An image that a stage begins with, or that files are copied from, is fetched.
     *
     * @param image its name
     */
    record Pulling(String image, ProgressEvent progress) implements BuildEvent {
        @Override
        public String toString() {
            return "pulling " + image + ": " + progress;
        }
    }

    /**
     * The image is sent to a registry.
     *
     * @param image its name there
     */
    record Pushing(String image, ProgressEvent progress) implements BuildEvent {
        @Override
        public String toString() {
            return "pushing " + image + ": " + progress;
        }
    }

    /**
     * Something in the Dockerfile that works, and is better written in another way. Those come before the first step.
     *
     * @param rule its published name, as {@code StageNameCasing}
     * @param line the first of the instruction, counted from 1
     * @param text what is the matter
     * @see <a href="https://docs.docker.com/reference/build-checks/">Build checks</a>
     */
    record Warned(String rule, int line, String text) implements BuildEvent {
        @Override
        public String toString() {
            return "line " + line + ": " + text + " (" + rule + ")";
        }
    }

    /**
     * A cache that the build was to use is not used, or not any more; or it is not written, where that is to be ignored.
     *
     * @param why as in {@code the registry has no such tag}
     */
    record CacheUnusable(BuildCache cache, String why) implements BuildEvent {
        @Override
        public String toString() {
            return "without the cache in " + cache + ": " + why;
        }
    }

    /** What a step made was found: it need not be carried out. */
    record Cached(BuildStep step) implements BuildEvent {
        @Override
        public String toString() {
            return step + ": cached";
        }
    }

    /**
     * A step is carried out.
     *
     * @param why what is different from the last time; empty if there was none
     */
    record Started(BuildStep step, String why) implements BuildEvent {
        @Override
        public String toString() {
            return why.isEmpty() ? step.toString() : step + " (" + why + ")";
        }
    }

    /**
     * A piece of what a program writes, as it comes: lines and characters may be cut anywhere.
     *
     * @param content not copied
     */
    record Output(BuildStep step, LogStream stream, byte[] content) implements BuildEvent {
        public String text() {
            return new String(content, StandardCharsets.UTF_8);
        }

        @Override
        public String toString() {
            return "[" + step.stage() + " " + step.number() + "] " + text().stripTrailing();
        }
    }

    /** @param layer bytes of the step's layer, not compressed */
    record Done(BuildStep step, Duration took, ByteSize layer) implements BuildEvent {
        @Override
        public String toString() {
            return "[" + step.stage() + " " + step.number() + "] done in " + took.toMillis() + " ms, " + layer;
        }
    }

    /**
     * A step did not end well; then the build does not, either.
     *
     * @param why what the exception says, without lines of the Dockerfile
     */
    record Failed(BuildStep step, Duration took, String why) implements BuildEvent {
        @Override
        public String toString() {
            return "[" + step.stage() + " " + step.number() + "] failed after " + took.toMillis() + " ms: " + why;
        }
    }
}
