package dev.cais.network.cni;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cais.Subnet;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What plugins have made.
 *
 * @param interfaces on both sides
 * @param addresses of the container
 * @param nameservers that names are to be asked of
 * @param json as the last plugin wrote it: the next question's {@code prevResult}
 * @see <a href="https://github.com/containernetworking/cni/blob/v1.1.0/SPEC.md#section-5-result-types">CNI 1.0, section 5</a>
 */
public record CniResult(
        List<Interface> interfaces, List<Address> addresses, List<InetAddress> nameservers, String json) {
    /**
     * @param mac empty if the plugin does not say
     * @param inContainer whether it is on the container's side
     */
    public record Interface(String name, String mac, boolean inContainer) {}

    /** @param prefix length of the subnet's */
    public record Address(InetAddress address, int prefix, Optional<InetAddress> gateway) {}

    public CniResult {
        interfaces = List.copyOf(interfaces);
        addresses = List.copyOf(addresses);
        nameservers = List.copyOf(nameservers);
    }

    /** @throws dev.cais.InvalidSpecException if an address is none */
    static CniResult of(JsonNode root) {
        var interfaces = new ArrayList<Interface>();
        for (var each : root.path("interfaces")) {
            interfaces.add(new Interface(
                    each.path("name").asText(),
                    each.path("mac").asText(),
                    !each.path("sandbox").asText().isEmpty()));
        }
        var addresses = new ArrayList<Address>();
        for (var each : root.path("ips")) {
            var text = each.path("address").asText();
            var slash = text.indexOf('/');
            var address = Subnet.parseAddress(slash < 0 ? text : text.substring(0, slash));
            var longest = address.getAddress().length * 8;
            var prefix = slash < 0
                    ? longest
                    : Subnet.around(address, prefix(text, slash, longest)).prefix();
            addresses.add(new Address(address, prefix, find(each.path("gateway").asText())));
        }
        var nameservers = new ArrayList<InetAddress>();
        root.path("dns").path("nameservers").forEach(each -> nameservers.add(Subnet.parseAddress(each.asText())));
        return new CniResult(interfaces, addresses, nameservers, root.toString());
    }

    /** Out of range for what is no number, which the subnet then refuses. */
    private static int prefix(String text, int slash, int longest) {
        var digits = text.substring(slash + 1);
        return digits.matches("\\d{1,3}") ? Integer.parseInt(digits) : longest + 1;
    }

    private static Optional<InetAddress> find(String address) {
        return address.isEmpty() ? Optional.empty() : Optional.of(Subnet.parseAddress(address));
    }
}
