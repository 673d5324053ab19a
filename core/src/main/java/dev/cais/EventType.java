package dev.cais;

import java.util.Locale;

/** What kind of thing an {@link Event} is about. */
public enum EventType {
    CONTAINER,
    IMAGE,
    VOLUME,
    NETWORK;

    /** As Docker writes it: {@code container}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
