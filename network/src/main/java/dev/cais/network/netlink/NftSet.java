package dev.cais.network.netlink;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A set, or a map, of values of a table.
 *
 * @param id among the sets of its table, from 1
 * @param key the types whose values, one behind the other and each padded to four bytes, are what is looked up
 * @param data of a map: what is found; empty for a set
 */
public record NftSet(int id, String name, List<Field> key, List<Field> data) {
    /** Of values, with the numbers that the program nft shows them by. */
    public enum Field {
        IPV4_ADDRESS(7, 4),
        IPV6_ADDRESS(8, 16),
        PROTOCOL(12, 1),
        PORT(13, 2),
        LINK_NAME(41, 16);

        private final int number;
        private final int size;

        Field(int number, int size) {
            this.number = number;
            this.size = size;
        }
    }

    private static final int BITS_OF_A_FIELD = 6;

    public NftSet {
        key = List.copyOf(key);
        data = List.copyOf(data);
    }

    /** A set. */
    public NftSet(int id, String name, Field... key) {
        this(id, name, List.of(key), List.of());
    }

    boolean isMap() {
        return !data.isEmpty();
    }

    static int number(List<Field> fields) {
        var number = 0;
        for (var field : fields) {
            number = number << BITS_OF_A_FIELD | field.number;
        }
        return number;
    }

    static int size(List<Field> fields) {
        return fields.size() == 1
                ? fields.get(0).size
                : fields.stream()
                        .mapToInt(field -> MessageWriter.aligned(field.size))
                        .sum();
    }

    /**
     * One value, or one value and what it stands for.
     *
     * @param key each part padded to four bytes, if there is more than one
     * @param data of a map
     */
    public record Element(byte[] key, byte @Nullable [] data) {
        /** Of a set. */
        public Element(byte[] key) {
            this(key, null);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Element element
                    && Arrays.equals(key, element.key)
                    && Arrays.equals(data, element.data);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(key);
        }

        @Override
        public String toString() {
            return "Element[" + key.length + " bytes]";
        }
    }
}
