package dev.cais.image.registry;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.NotFoundException;
import dev.cais.RegistryException;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A list that a registry gives a page at a time, each with a link to the next; a page is asked for when somebody needs it, the
 * first at once. For one thread.
 *
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags">OCI distribution spec
 *     1.1.1, Listing Tags</a>
 * @see <a href="https://www.rfc-editor.org/rfc/rfc8288#section-3">RFC 8288, Link</a>
 */
final class Pages<T> implements Iterator<T> {
    private static final int MOST_ENTRIES = 1_000_000;
    private static final int MOST_PAGES = 20_000;
    private static final Pattern LINK = Pattern.compile("<([^<>]{1,1024})>((?:\\s*;[^,<>]*)*)");
    private static final Pattern NEXT = Pattern.compile(";\\s*rel\\s*=\\s*(?:\"next\"|next)\\s*(?:;|$)");

    private final Conversation conversation;
    private final Set<Scope> scopes;
    private final Kind kind;
    private final Function<JsonObject, List<T>> entries;
    private final ByteSize limit;
    private final Task task;
    private final ArrayDeque<T> read = new ArrayDeque<>();
    private final Set<URI> asked = new HashSet<>();
    private Optional<URI> next;
    private int count;

    /**
     * What is listed.
     *
     * @param name for messages: {@code list of tags}
     * @param mediaType that a page has
     * @param absent statuses beside 404 by which registries say that they keep no such list
     */
    record Kind(String name, String mediaType, Set<Integer> absent) {
        Kind(String name) {
            this(name, "application/json", Set.of());
        }
    }

    /**
     * @param entries reads those of a page
     * @param limit bytes of one page
     */
    Pages(
            Conversation conversation,
            URI first,
            Set<Scope> scopes,
            Kind kind,
            Function<JsonObject, List<T>> entries,
            ByteSize limit,
            Task task) {
        this.conversation = conversation;
        this.scopes = scopes;
        this.kind = kind;
        this.entries = entries;
        this.limit = limit;
        this.task = task;
        this.next = Optional.of(first);
        readPage();
    }

    Stream<T> stream() {
        return StreamSupport.stream(((Iterable<T>) () -> this).spliterator(), false);
    }

    @Override
    public boolean hasNext() {
        while (read.isEmpty() && next.isPresent()) {
            readPage();
        }
        return !read.isEmpty();
    }

    @Override
    public T next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return read.remove();
    }

    private void readPage() {
        var url = next.orElseThrow();
        if (!asked.add(url)) {
            throw wrong("goes round in a circle");
        }
        if (asked.size() > MOST_PAGES) {
            throw wrong("has more than " + MOST_PAGES + " pages");
        }
        conversation.asking(task, () -> {
            var request = Request.of("GET", url).header("Accept", kind.mediaType);
            try (var response = conversation.exchange(request, scopes, task)) {
                if (kind.absent.contains(response.status())) {
                    response.drain();
                    throw new NotFoundException(
                            task.cannot() + ": " + conversation.location() + " has no " + kind.name);
                }
                conversation.requireSuccess(response, kind.name, task);
                conversation.requireJson(response, kind.name, task);
                var document = kind.name + " of " + conversation.location();
                read.addAll(entries.apply(JsonObject.parse(response.bytes(limit.bytes(), document), document)));
                next = nextPage(response, url);
                return url;
            }
        });
        count += read.size();
        if (count > MOST_ENTRIES) {
            throw wrong("has more than " + MOST_ENTRIES + " entries");
        }
    }

    private CorruptContentException wrong(String why) {
        return new CorruptContentException(
                task.cannot() + ": the " + kind.name + " of " + conversation.location() + " " + why);
    }

    /** On the same server, or nowhere. */
    private Optional<URI> nextPage(Response response, URI url) {
        for (var header : response.headers().allValues("Link")) {
            var links = LINK.matcher(header);
            while (links.find()) {
                if (NEXT.matcher(links.group(2)).find()) {
                    return Optional.of(resolve(url, links.group(1)));
                }
            }
        }
        return Optional.empty();
    }

    private URI resolve(URI page, String link) {
        try {
            // the JDK resolves as RFC 2396 did, which has another idea of a link that is a query alone
            var resolved = page.resolve(link.startsWith("?") ? page.getRawPath() + link : link);
            var scheme = resolved.getScheme();
            if (resolved.getHost() != null
                    && resolved.getUserInfo() == null
                    && ("https".equals(scheme) || "http".equals(scheme))
                    && Endpoint.of(resolved).equals(Endpoint.of(page))) {
                return resolved;
            }
        } catch (IllegalArgumentException e) {
            // the same as one that leads elsewhere
        }
        throw new RegistryException(
                task.cannot() + ": the next page of the " + kind.name + " is not on "
                        + conversation.location().registry(),
                Map.of("link", Shown.text(link)),
                "");
    }
}
