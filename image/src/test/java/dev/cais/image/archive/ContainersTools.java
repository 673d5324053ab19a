package dev.cais.image.archive;

import dev.cais.fixtures.Programs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** podman, buildah and skopeo, with all they keep below one directory. */
public record ContainersTools(Path directory) {
    public String podman(String... arguments) {
        return run(
                List.of(
                        "podman",
                        "--root",
                        at("root"),
                        "--runroot",
                        at("run"),
                        "--cgroup-manager=cgroupfs",
                        "--storage-driver=vfs"),
                arguments);
    }

    String buildah(String... arguments) {
        return run(List.of("buildah", "--root", at("root"), "--runroot", at("run"), "--storage-driver=vfs"), arguments);
    }

    private String at(String name) {
        return directory.resolve(name).toString();
    }

    private static String run(List<String> program, String... arguments) {
        var command = new ArrayList<>(program);
        command.addAll(List.of(arguments));
        return Programs.output(command.toArray(String[]::new)).strip();
    }
}
