package dev.cais;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * What keeps a container in. The methods return changed copies.
 *
 * @param privileged all capabilities and devices, no filter, no masked paths: hardly a container
 * @param capAdd capabilities beside the 14 default ones, in capitals without {@code CAP_}; {@code ALL} for all
 * @param capDrop capabilities to take away, {@code ALL} for all; then those of {@code capAdd} are added
 * @param noNewPrivileges programs with set-user-id bits or file capabilities gain nothing by them
 * @param apparmor profile, where the kernel has AppArmor; empty for none
 * @param selinuxLabel of its processes, where the kernel has SELinux; empty for none
 * @param readOnlyRoot nothing but mounts can be written
 * @param deviceRules what else it may do with devices, as {@code c 10:200 rwm}, with {@code a} for all kinds, {@code *} for all numbers
 * @param cdiDevices devices of the Container Device Interface, as {@code vendor.com/class=name}; what they bring is added to the spec
 *     when a container is created
 */
public record Security(
        boolean privileged,
        Set<String> capAdd,
        Set<String> capDrop,
        boolean noNewPrivileges,
        SeccompProfile seccomp,
        String apparmor,
        String selinuxLabel,
        boolean readOnlyRoot,
        List<Device> devices,
        List<String> deviceRules,
        List<String> cdiDevices) {
    private static final Pattern CAPABILITY = Pattern.compile("[A-Z][A-Z0-9_]*");
    private static final Pattern CDI_DEVICE = Pattern.compile(
            "[a-zA-Z]([a-zA-Z0-9._-]*[a-zA-Z0-9])?/[a-zA-Z]([a-zA-Z0-9_-]*[a-zA-Z0-9])?=[a-zA-Z0-9]([a-zA-Z0-9_.:-]*[a-zA-Z0-9])?");
    private static final Pattern RULE = Pattern.compile("a|[abc] ([0-9]+|\\*):([0-9]+|\\*) [rwm]{1,3}");

    /** As Docker's default. */
    public static final Security DEFAULT = new Security(
            false,
            Set.of(),
            Set.of(),
            false,
            SeccompProfile.standard(),
            "",
            "",
            false,
            List.of(),
            List.of(),
            List.of());

    public Security {
        capAdd = capabilities(capAdd);
        capDrop = capabilities(capDrop);
        devices = List.copyOf(devices);
        deviceRules = List.copyOf(deviceRules);
        cdiDevices = List.copyOf(cdiDevices);
        for (var device : cdiDevices) {
            if (!CDI_DEVICE.matcher(device).matches()) {
                throw new InvalidSpecException(
                        "cannot use CDI device '" + device + "': it is written as in vendor.com/class=name");
            }
        }
        for (var rule : deviceRules) {
            if (!RULE.matcher(rule).matches()) {
                throw new InvalidSpecException(
                        "cannot use device rule '" + rule + "': it is written as in c 10:200 rwm");
            }
        }
    }

    private static Set<String> capabilities(Set<String> names) {
        var normal = new LinkedHashSet<String>();
        for (var name : names) {
            var capability = name.toUpperCase(Locale.ROOT).replaceFirst("^CAP_", "");
            if (!CAPABILITY.matcher(capability).matches()) {
                throw new InvalidSpecException(
                        "cannot use capability '" + name + "': it is written as in NET_ADMIN or cap_net_admin");
            }
            normal.add(capability);
        }
        return Collections.unmodifiableSet(normal);
    }

    public Security privileged(boolean changed) {
        return with(draft -> draft.privileged = changed);
    }

    public Security capAdd(String... names) {
        return with(draft -> draft.capAdd = Added.to(capAdd, names));
    }

    public Security capDrop(String... names) {
        return with(draft -> draft.capDrop = Added.to(capDrop, names));
    }

    public Security noNewPrivileges(boolean changed) {
        return with(draft -> draft.noNewPrivileges = changed);
    }

    public Security seccomp(SeccompProfile changed) {
        return with(draft -> draft.seccomp = changed);
    }

    public Security apparmor(String profile) {
        return with(draft -> draft.apparmor = profile);
    }

    public Security selinuxLabel(String label) {
        return with(draft -> draft.selinuxLabel = label);
    }

    public Security readOnlyRoot(boolean changed) {
        return with(draft -> draft.readOnlyRoot = changed);
    }

    public Security device(Device device) {
        return with(draft -> draft.devices = Added.to(devices, device));
    }

    public Security deviceRule(String rule) {
        return with(draft -> draft.deviceRules = Added.to(deviceRules, rule));
    }

    public Security cdiDevice(String name) {
        return with(draft -> draft.cdiDevices = Added.to(cdiDevices, name));
    }

    private Security with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private boolean privileged;
        private Set<String> capAdd;
        private Set<String> capDrop;
        private boolean noNewPrivileges;
        private SeccompProfile seccomp;
        private String apparmor;
        private String selinuxLabel;
        private boolean readOnlyRoot;
        private List<Device> devices;
        private List<String> deviceRules;
        private List<String> cdiDevices;

        Draft(Security base) {
            privileged = base.privileged;
            capAdd = base.capAdd;
            capDrop = base.capDrop;
            noNewPrivileges = base.noNewPrivileges;
            seccomp = base.seccomp;
            apparmor = base.apparmor;
            selinuxLabel = base.selinuxLabel;
            readOnlyRoot = base.readOnlyRoot;
            devices = base.devices;
            deviceRules = base.deviceRules;
            cdiDevices = base.cdiDevices;
        }

        Security build() {
            return new Security(
                    privileged,
                    capAdd,
                    capDrop,
                    noNewPrivileges,
                    seccomp,
                    apparmor,
                    selinuxLabel,
                    readOnlyRoot,
                    devices,
                    deviceRules,
                    cdiDevices);
        }
    }
}
