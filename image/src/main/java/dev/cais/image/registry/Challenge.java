package dev.cais.image.registry;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a server wants to know of its caller: one challenge of a {@code WWW-Authenticate} header.
 *
 * @param scheme in lower case: {@code bearer}, {@code basic}
 * @param parameters by name in lower case
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1">RFC 9110, 11.6.1</a>
 */
record Challenge(String scheme, Map<String, String> parameters) {
    private static final int LONGEST = 8192;
    private static final String SEPARATORS = "()<>@,;:\\\"/[]?={} \t";

    /** All challenges of all such headers; what cannot be read ends its header. */
    static List<Challenge> parse(List<String> headers) {
        var challenges = new ArrayList<Challenge>();
        for (var header : headers) {
            if (header.length() <= LONGEST) {
                new Reading(header, challenges).run();
            }
        }
        return challenges;
    }

    private static final class Reading {
        private final String text;
        private final List<Challenge> challenges;
        private int at;

        Reading(String text, List<Challenge> challenges) {
            this.text = text;
            this.challenges = challenges;
        }

        void run() {
            skip(" \t,");
            while (at < text.length()) {
                var word = token();
                if (word.isEmpty()) {
                    return;
                }
                skip(" \t");
                if (at < text.length() && text.charAt(at) == '=' && !challenges.isEmpty()) {
                    at++;
                    skip(" \t");
                    var last = challenges.get(challenges.size() - 1);
                    last.parameters.put(word.toLowerCase(Locale.ROOT), value());
                } else {
                    challenges.add(new Challenge(word.toLowerCase(Locale.ROOT), new LinkedHashMap<>()));
                }
                skip(" \t,");
            }
        }

        private void skip(String letters) {
            while (at < text.length() && letters.indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private String token() {
            var start = at;
            while (at < text.length() && text.charAt(at) > ' ' && SEPARATORS.indexOf(text.charAt(at)) < 0) {
                at++;
            }
            return text.substring(start, at);
        }

        private String value() {
            if (at >= text.length() || text.charAt(at) != '"') {
                return token();
            }
            var value = new StringBuilder();
            for (at++; at < text.length() && text.charAt(at) != '"'; at++) {
                if (text.charAt(at) == '\\' && at + 1 < text.length()) {
                    at++;
                }
                value.append(text.charAt(at));
            }
            at++;
            return value.toString();
        }
    }
}
