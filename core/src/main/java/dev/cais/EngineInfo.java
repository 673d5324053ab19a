package dev.cais;

import java.nio.file.Path;
import java.util.List;

/**
 * What an engine found on its host.
 *
 * @param id of the engine, 12 hexadecimal digits
 * @param store directory
 * @param storageDriver {@code overlay}
 * @param cgroupVersion {@code v1} (or hybrid) or {@code v2}
 * @param controllers cgroup controllers that limits can be set with
 * @param kernel release, as {@code uname -r} prints it
 * @param notes sentences on what this host lacks and what the engine changed on it; empty if there is nothing to say
 */
public record EngineInfo(
        String id,
        Path store,
        String storageDriver,
        String cgroupVersion,
        List<String> controllers,
        String kernel,
        List<String> notes) {
    public EngineInfo {
        controllers = List.copyOf(controllers);
        notes = List.copyOf(notes);
    }
}
