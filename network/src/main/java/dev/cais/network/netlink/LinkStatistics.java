package dev.cais.network.netlink;

/** What has passed a link since it was made, as the namespace that has the link sees it. */
public record LinkStatistics(
        long receivedBytes,
        long receivedPackets,
        long receiveErrors,
        long receiveDrops,
        long sentBytes,
        long sentPackets,
        long sendErrors,
        long sendDrops) {
    /** Nothing yet. */
    public static final LinkStatistics NONE = new LinkStatistics(0, 0, 0, 0, 0, 0, 0, 0);
}
