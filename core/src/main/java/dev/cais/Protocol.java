package dev.cais;

import java.util.Locale;

/** Of the transport layer. */
public enum Protocol {
    TCP,
    UDP,
    SCTP;

    /** As Docker writes it: {@code tcp}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
