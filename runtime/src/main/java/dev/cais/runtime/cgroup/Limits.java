package dev.cais.runtime.cgroup;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.Resources;
import dev.cais.UnsupportedHostException;
import dev.cais.Warning;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** What one container's group may use. */
final class Limits {
    private final Cgroup group;
    private final EngineCgroups engine;
    private final boolean strict;
    private volatile Resources resources = Resources.UNLIMITED;
    private volatile List<Warning> warnings = List.of();

    /** @param strict whether it is an error if the host cannot set one */
    Limits(Cgroup group, EngineCgroups engine, boolean strict) {
        this.group = group;
        this.engine = engine;
        this.strict = strict;
    }

    Resources resources() {
        return resources;
    }

    /** What was asked for and the host cannot do. */
    List<Warning> warnings() {
        return warnings;
    }

    /** A change of one setting. */
    private record Change(Setting from, Setting to) {}

    /**
     * Writes what has changed. After a failure, all is as it was.
     *
     * @throws UnsupportedHostException if the group is strict and the host cannot set a limit
     */
    void apply(Resources changed) {
        if (changed.equals(resources)) {
            return;
        }
        engine.requireSets(changed);
        var changes = changes(resources, changed);
        var done = new ArrayList<Change>();
        var unable = new ArrayList<Warning>();
        try {
            for (var change : changes) {
                var why = write(change.to(), changed);
                if (why.isEmpty()) {
                    done.add(change);
                } else if (strict) {
                    throw new UnsupportedHostException(
                            "cannot set " + change.to().what() + " of container " + group.id() + ": " + why,
                            engine.controllers().contains(change.to().controller())
                                    ? "leave it out, or open the engine without strictLimits"
                                    : engine.helpForMissing());
                } else {
                    unable.add(new Warning(change.to().what(), why));
                }
            }
        } catch (RuntimeException e) {
            Collections.reverse(done);
            for (var change : done) {
                try {
                    write(change.from(), resources);
                } catch (RuntimeException undoing) {
                    e.addSuppressed(undoing);
                }
            }
            throw e;
        }
        warnings = warnings(changed, unable);
        resources = changed;
    }

    /** Those of before that still hold, and new ones. */
    private List<Warning> warnings(Resources changed, List<Warning> unable) {
        var all = new ArrayList<Warning>();
        var wanted = Setting.all(changed, engine.onV1()).stream()
                .filter(setting -> !setting.isUsual())
                .map(Setting::what)
                .toList();
        warnings.stream().filter(old -> wanted.contains(old.what())).forEach(all::add);
        unable.stream().filter(now -> wanted.contains(now.what())).forEach(all::add);
        return List.copyOf(all);
    }

    private List<Change> changes(Resources before, Resources after) {
        var old = Setting.all(before, engine.onV1());
        var now = Setting.all(after, engine.onV1());
        var changes = new ArrayList<Change>();
        for (var setting : now) {
            var from = old.stream().filter(setting::isOfSamePlace).findFirst().orElseGet(setting::lifted);
            if (!from.choices().equals(setting.choices())) {
                changes.add(new Change(from, setting));
            }
        }
        for (var setting : old) {
            if (now.stream().noneMatch(setting::isOfSamePlace)) {
                changes.add(new Change(setting, setting.lifted()));
            }
        }
        // memory alone is never more than with swap, nor for the moment in between
        var more = after.memorySwap().orElse(after.memory());
        if (more.compareTo(before.memorySwap().orElse(before.memory())) > 0) {
            changes.sort(Comparator.comparing(change -> !change.to().isSwap()));
        }
        return changes;
    }

    /** @return why the host cannot do it; empty if it is done */
    private String write(Setting setting, Resources all) {
        var controller = setting.controller();
        var place = group.placeOnV1(controller).orElse(null);
        if (place == null && (!group.isOnV2(controller) || !engine.passes(controller))) {
            return setting.implied()
                    ? ""
                    : "the " + controller + " controller cannot be used, since " + engine.whyMissing(controller);
        }
        var home = place != null ? place : group.directory().orElseThrow();
        if (controller == Controller.MEMORY
                && place == null
                && setting.choices().get(0).file().equals("memory.max")) {
            requireRoom(all);
        }
        for (var choice : setting.choices()) {
            // where processes are, v2 takes no empty set either (seen on 6.1)
            var value = choice.value().isEmpty()
                    ? inherited(home, place != null ? choice.file() : choice.file() + ".effective")
                    : choice.value();
            var result = ControlFile.tryWrite(home.resolve(choice.file()), value);
            if (result >= 0) {
                return "";
            }
            if (Errno.EBUSY.is(result) && controller == Controller.MEMORY) {
                throw inUse(all);
            }
            if (!Errno.ENOENT.is(result) && !Errno.ENOTSUP.is(result)) {
                throw Errno.of(result)
                        .exception(
                                "cannot set " + setting.what() + " of container " + group.id(),
                                Syscall.WRITE,
                                Map.of("file", home.resolve(choice.file()), "value", value),
                                setting.key().isEmpty() ? "" : "name the whole disk, not a partition");
            }
        }
        if (setting.isSwap() && setting.implied()) {
            if (place != null) {
                ControlFile.write(place.resolve("memory.swappiness"), "0");
                return "";
            }
            if (ControlFile.read(Path.of("/proc/swaps")).lines().count() <= 1) {
                return "";
            }
        }
        return setting.isUsual()
                ? ""
                : "the kernel has no "
                        + setting.choices().stream().map(Setting.Choice::file).collect(Collectors.joining(" or "));
    }

    private static String inherited(Path place, String file) {
        return ControlFile.read(Objects.requireNonNull(place.getParent()).resolve(file))
                .strip();
    }

    /** v2 would kill to get below a new limit; v1 refuses by itself. */
    private void requireRoom(Resources changed) {
        var stat = ControlFile.read(group.unified("memory.stat"));
        var droppable = Cgroup.field(stat, "file") - Cgroup.field(stat, "shmem");
        var used = Cgroup.number(group.unified("memory.current")) - droppable;
        if (!changed.memory().isUnlimited() && used > changed.memory().bytes()) {
            throw inUse(changed);
        }
    }

    private ConflictException inUse(Resources changed) {
        var place = group.placeOnV1(Controller.MEMORY).orElse(null);
        var used =
                Cgroup.number(place != null ? place.resolve("memory.usage_in_bytes") : group.unified("memory.current"));
        return new ConflictException(
                "cannot limit memory of container " + group.id() + " to " + changed.memory() + ": it uses "
                        + ByteSize.bytes(used),
                "choose a higher limit, or stop some of its processes");
    }
}
