package dev.cais.runtime.build;

import dev.cais.image.dockerfile.ModeChange;
import dev.cais.storage.Attributes;
import dev.cais.storage.TreeScan;
import dev.cais.storage.Xattr;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * What files have besides their content when a build has written them.
 *
 * @param owner of all that is written, if it is not the files' own
 * @param mode changes that of what is copied, if it is given
 * @param clamp of files' times
 * @param now of what is made
 */
record Stamp(Optional<BuildHost.Owner> owner, Optional<ModeChange> mode, UnaryOperator<Instant> clamp, Instant now) {
    /** Of what is made, not copied. */
    private Attributes made(int bits) {
        var as = owner.orElse(BuildHost.Owner.ROOT);
        return new Attributes(as.uid(), as.gid(), bits, now, now, List.of());
    }

    /** Of a directory that is made for what is in it: an octal mode is its own, too. */
    Attributes directory() {
        return made(mode.flatMap(ModeChange::octal).map(bits -> bits & 0777).orElse(0755));
    }

    Attributes file(int usualMode) {
        return made(mode.map(change -> change.apply(usualMode, false)).orElse(usualMode));
    }

    /** With another time. */
    Attributes modified(Attributes own, Instant modified) {
        var time = clamp.apply(modified);
        return new Attributes(own.uid(), own.gid(), own.mode(), time, time, own.xattrs());
    }

    Attributes of(TreeScan.Entry entry, List<Xattr> xattrs) {
        var uid = owner.map(BuildHost.Owner::uid).orElse(entry.uid());
        var gid = owner.map(BuildHost.Owner::gid).orElse(entry.gid());
        var bits = entry.isLink()
                ? entry.mode()
                : mode.map(change -> change.apply(entry.mode(), entry.isDirectory()))
                        .orElse(entry.mode());
        var time = clamp.apply(entry.modified());
        return new Attributes(uid, gid, bits, time, time, xattrs);
    }
}
