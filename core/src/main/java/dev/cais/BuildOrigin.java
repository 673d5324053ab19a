package dev.cais;

/** What a {@link BuildStage} begins with, and where its files come from. */
public sealed interface BuildOrigin permits BuildStage, BuildOrigin.Named, BuildOrigin.Context {
    /** The files that the build is given. */
    BuildOrigin CONTEXT = new Context();

    /**
     * An image, {@code scratch}, or a context that the build is given under this name.
     *
     * @throws InvalidSpecException if the name is empty, a number, or has a NUL or a blank
     */
    static BuildOrigin named(String name) {
        return new Named(name);
    }

    /** @see #named */
    record Named(String name) implements BuildOrigin {
        public Named {
            if (!name.matches("[^\\s\\x00]+") || name.matches("[0-9]+")) {
                throw new InvalidSpecException(
                        "cannot build on '" + name.replaceAll("\\p{Cntrl}", "?") + "': it is no name of an image",
                        "a stage is given as a value");
            }
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** @see #CONTEXT */
    record Context() implements BuildOrigin {
        @Override
        public String toString() {
            return "the context";
        }
    }
}
