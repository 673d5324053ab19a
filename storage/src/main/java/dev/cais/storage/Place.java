package dev.cais.storage;

import java.nio.file.Path;

/**
 * Where something is read or written, for messages.
 *
 * @param name as in {@code /var/lib/cais}, {@code container web}
 * @param other what to choose instead: {@code another store}
 * @param own what to choose where the rights are missing
 */
record Place(String name, String other, String own) {
    static Place store(Path path) {
        return new Place(path.toString(), "choose another store", "run as root, or choose a store of your own");
    }

    /** A tree that is not the store's. */
    static Place tree(String name) {
        return new Place(name, "choose another place", "choose another place, or run with more rights");
    }

    @Override
    public String toString() {
        return name;
    }
}
