package dev.cais;

import java.util.Objects;

/** What a build carries out. */
public sealed interface BuildDefinition {
    /** {@code Dockerfile} in the context. */
    BuildDefinition DEFAULT = new DockerfileAt("Dockerfile");

    /**
     * A Dockerfile.
     *
     * @param path below the context, or an absolute path anywhere on the host; {@code path.dockerignore} beside it in the context comes
     *     before the context's {@code .dockerignore}
     */
    record DockerfileAt(String path) implements BuildDefinition {
        public DockerfileAt {
            if (path.isEmpty() || path.indexOf('\0') >= 0) {
                throw new InvalidSpecException("cannot build a Dockerfile: its name is empty or has a NUL");
            }
        }

        /** Anywhere on the host, and not in the context. */
        public boolean isAbsolute() {
            return path.startsWith("/");
        }

        @Override
        public String toString() {
            return path;
        }
    }

    /** The text of a Dockerfile. What is to be ignored of the context is in its {@code .dockerignore}. */
    record DockerfileText(String text) implements BuildDefinition {
        public DockerfileText {
            Objects.requireNonNull(text, "text");
        }

        @Override
        public String toString() {
            return "the Dockerfile";
        }
    }

    /** A stage without a Dockerfile, and those that it needs; of what is to be ignored likewise. */
    record Stage(BuildStage target) implements BuildDefinition {
        @Override
        public String toString() {
            return target.toString();
        }
    }
}
