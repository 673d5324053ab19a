package dev.cais;

import java.util.ArrayList;
import java.util.List;

/**
 * A program that is run in a {@link BuildStage}: {@code RUN}. The methods return changed copies.
 *
 * @param shell whether it is one text for the image's shell; if that begins with {@code #!}, it is a script for the program named there
 * @param mounts what it sees besides the stage's files
 * @param insecure whether it runs as {@link ContainerSpec#privileged} does
 * @param devices that it has, if the build allows them
 */
public record BuildRun(
        boolean shell,
        List<String> words,
        List<BuildMount> mounts,
        Network network,
        boolean insecure,
        List<Device> devices)
        implements BuildInstruction {
    /** What the program sees of the network. */
    public enum Network {
        DEFAULT,
        NONE,
        HOST
    }

    /**
     * A device of the Container Device Interface.
     *
     * @param name {@code vendor.com/class=name}, {@code vendor.com/class=*} for all of that kind, or {@code vendor.com/class} for the first;
     *     or what BuildKit's annotation {@code org.mobyproject.buildkit.device.class} calls some
     * @param required whether the build fails on a host without it
     */
    public record Device(String name, boolean required) {}

    public BuildRun {
        words = List.copyOf(words);
        mounts = List.copyOf(mounts);
        devices = List.copyOf(devices);
        if (words.isEmpty() || shell && words.size() != 1 || words.get(0).isEmpty()) {
            throw new InvalidSpecException(
                    "cannot build with RUN: it is one text for a shell, or a program and its arguments");
        }
        for (var word : words) {
            if (word.indexOf('\0') >= 0) {
                throw new InvalidSpecException("cannot build with RUN " + word.replace('\0', '?') + ": it has a NUL");
            }
        }
    }

    /** One line for the image's shell ({@code /bin/sh -c} unless it says otherwise), or many. */
    public static BuildRun shell(String lines) {
        return new BuildRun(true, List.of(lines), List.of(), Network.DEFAULT, false, List.of());
    }

    /** A program and its arguments. */
    public static BuildRun exec(String... command) {
        return new BuildRun(false, List.of(command), List.of(), Network.DEFAULT, false, List.of());
    }

    public BuildRun mount(BuildMount more) {
        var all = new ArrayList<>(mounts);
        all.add(more);
        return new BuildRun(shell, words, all, network, insecure, devices);
    }

    public BuildRun noNetwork() {
        return new BuildRun(shell, words, mounts, Network.NONE, insecure, devices);
    }

    public BuildRun hostNetwork() {
        return new BuildRun(shell, words, mounts, Network.HOST, insecure, devices);
    }

    /** With all capabilities and devices, if the build allows {@link BuildEntitlement#SECURITY_INSECURE}. */
    public BuildRun asInsecure() {
        return new BuildRun(shell, words, mounts, network, true, devices);
    }

    /** With a device of the host, if the build allows it: see {@link BuildSpec#allowDevice}. */
    public BuildRun device(String device, boolean required) {
        var all = new ArrayList<>(devices);
        all.add(new Device(device, required));
        return new BuildRun(shell, words, mounts, network, insecure, all);
    }
}
