package dev.cais.network.dns;

import java.util.List;

/**
 * What one container can look up, at one moment.
 *
 * @param zones of its networks: the first that knows a name answers
 * @param upstream for all other names; {@link Upstream#NONE} if its networks are all internal
 */
public record Names(List<Zone> zones, Upstream upstream) {
    public Names {
        zones = List.copyOf(zones);
    }
}
