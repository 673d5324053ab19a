package dev.cais.image.registry;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A block blob of Azure's that is written by a signed URL: its blocks, one after the other, and then their list, which makes them the
 * blob.
 *
 * @see <a href="https://learn.microsoft.com/rest/api/storageservices/put-block">Azure, Put Block</a>
 * @see <a href="https://learn.microsoft.com/rest/api/storageservices/put-block-list">Azure, Put Block List</a>
 */
final class BlockBlob {
    /** 50,000 of them are more than a layer can have. */
    private static final long BLOCK = 32L << 20;

    private static final String VERSION = "2020-10-02";

    private final URI url;
    private final Conversation server;
    private final Transport transport;

    BlockBlob(URI url, Conversation server, Transport transport) {
        this.url = url;
        this.server = server;
        this.transport = transport;
    }

    void put(Repository.Upload upload, Task task) {
        var size = upload.blob().size().bytes();
        var blocks = new ArrayList<String>();
        for (var at = 0L; at < size; at += BLOCK) {
            var id = id(blocks.size());
            put(query("block", Map.of("blockid", id)), BlobUpload.part(upload, at, Math.min(BLOCK, size - at)), task);
            blocks.add(id);
        }
        var list = list(blocks).getBytes(StandardCharsets.US_ASCII);
        put(query("blocklist", Map.of()), new Request.Content(list.length, () -> new ByteArrayInputStream(list)), task);
    }

    /** All of one length. */
    private static String id(int number) {
        return Base64.getEncoder().encodeToString(String.format("%09d", number).getBytes(StandardCharsets.US_ASCII));
    }

    private static String list(List<String> blocks) {
        var xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
        blocks.forEach(id -> xml.append("<Latest>").append(id).append("</Latest>"));
        return xml.append("</BlockList>").toString();
    }

    private URI query(String component, Map<String, String> more) {
        var query = new LinkedHashMap<String, String>();
        query.put("comp", component);
        query.putAll(more);
        return Endpoint.withQuery(url, query);
    }

    private void put(URI target, Request.Content content, Task task) {
        var request = Request.of("PUT", target)
                .content("application/octet-stream", content)
                .header("x-ms-version", VERSION);
        var unused = server.asking(task, () -> {
            try (var response = transport.send("", request, task)) {
                ActionsCache.requireSuccess(response, server, "a part of a cache entry", task);
                response.drain();
                return response.status();
            }
        });
    }
}
