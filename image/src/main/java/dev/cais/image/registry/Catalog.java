package dev.cais.image.registry;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.InvalidSpecException;
import dev.cais.RegistryException;
import dev.cais.SearchResult;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** What a registry as a whole is asked: which repositories it has, and which of them fit a term. */
public final class Catalog {
    private static final int PAGE = 1000;
    private static final int LARGEST_SEARCH = 1 << 20;

    private final Conversation conversation;

    Catalog(Conversation conversation) {
        this.conversation = conversation;
    }

    /**
     * The names of its repositories, in its order.
     *
     * @param limit bytes of one page
     * @see <a href="https://distribution.github.io/distribution/spec/api/#listing-repositories">Docker Registry HTTP API V2,
     *     Listing Repositories</a>
     */
    public Stream<String> repositories(ByteSize limit, Task task) {
        var url = conversation.location().endpoint().url("/v2/_catalog", Map.of("n", Integer.toString(PAGE)));
        return new Pages<>(
                        conversation,
                        url,
                        Set.of(Scope.catalog()),
                        new Pages.Kind("list of repositories"),
                        page -> page.texts("repositories").stream()
                                .map(name -> familiar(page, "repositories", name))
                                .toList(),
                        limit,
                        task)
                .stream();
    }

    /** @param limit the most results */
    public List<SearchResult> search(String term, int limit, Task task) {
        var query = new LinkedHashMap<String, String>();
        query.put("q", term);
        query.put("n", Integer.toString(limit));
        var request = Request.of("GET", conversation.location().endpoint().url("/v1/search", query))
                .header("Accept", "application/json");
        return conversation.asking(task, () -> {
            try (var response = conversation.exchange(request, Set.of(), task)) {
                switch (response.status()) {
                    case 400, 404, 405, 410, 501 ->
                        throw new RegistryException(
                                task.cannot() + ": " + conversation.location().registry() + " has no search",
                                Map.of("status", response.status()),
                                "list its repositories");
                    default -> conversation.requireSuccess(response, "search", task);
                }
                conversation.requireJson(response, "search", task);
                var what = "what " + conversation.location().registry() + " has found";
                var page = JsonObject.parse(response.bytes(LARGEST_SEARCH, what), what);
                return page.objects("results").stream()
                        .limit(limit)
                        .map(this::result)
                        .toList();
            }
        });
    }

    private SearchResult result(JsonObject json) {
        return new SearchResult(
                familiar(json, "name", json.text("name")),
                json.findText("description").orElse(""),
                json.numberOrZero("star_count"),
                json.flag("is_official"));
    }

    private String familiar(JsonObject json, String field, String name) {
        try {
            return ImageReference.parseRepository(conversation.location().registry() + "/" + name)
                    .familiarRepository();
        } catch (InvalidSpecException e) {
            throw new CorruptContentException(
                    "cannot read " + json.document() + ": field " + field + " has a name of no repository",
                    Map.of("name", Shown.text(name)),
                    "");
        }
    }
}
