package dev.cais;

import java.util.List;

/**
 * Which outcome of earlier builds a build takes, and what it leaves for later ones. The store's own cache is always kept.
 *
 * @param none whether all steps are carried out, though what they make is known
 * @param noneOf names or numbers of stages whose steps are carried out, likewise
 * @param from where the outcome of steps that the store does not know is looked for, in this order
 * @param to where the outcome of all steps is left when the image is made
 */
public record BuildCaching(boolean none, List<String> noneOf, List<BuildCache> from, List<BuildCache> to) {
    /** That of the store alone. */
    public static final BuildCaching DEFAULT = new BuildCaching(false, List.of(), List.of(), List.of());

    public BuildCaching {
        noneOf = List.copyOf(noneOf);
        from = List.copyOf(from);
        to = List.copyOf(to);
        if (from.stream().anyMatch(BuildCache.Inline.class::isInstance)) {
            throw new InvalidSpecException(
                    "cannot build with an inline cache: it is read from the registry that has its image",
                    "write BuildCache.registry(\"the image's name\")");
        }
    }

    BuildCaching without() {
        return new BuildCaching(true, noneOf, from, to);
    }

    BuildCaching withoutStages(String... more) {
        return new BuildCaching(none, Added.to(noneOf, more), from, to);
    }

    BuildCaching from(BuildCache... more) {
        return new BuildCaching(none, noneOf, Added.to(from, more), to);
    }

    BuildCaching to(BuildCache... more) {
        return new BuildCaching(none, noneOf, from, Added.to(to, more));
    }
}
