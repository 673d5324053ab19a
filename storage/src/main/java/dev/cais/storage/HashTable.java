package dev.cais.storage;

import java.nio.ByteBuffer;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Hashes by device and inode, in an array that is written to disk and read as it is: open addressing, a power of two of slots of which a
 * third is free. What was not asked for in a while is forgotten. For one thread.
 */
final class HashTable {
    private static final long MAGIC = 0x6361_6973_6861_7368L;
    private static final int SLOT = 9;
    private static final int INODE = 1;
    private static final int SIZE = 2;
    private static final int SECONDS = 3;
    private static final int NANOS_AND_AGE = 4;
    private static final int HASH = 5;
    private static final int AGE_SHIFT = 32;
    private static final long NANOS = (1L << AGE_SHIFT) - 1;
    private static final int LEAST_SLOTS = 16;

    /** As many times as it may be written without having been asked for. */
    private static final int OLDEST = 8;

    private long[] slots;
    private int count;

    private HashTable(long[] slots, int count) {
        this.slots = slots;
        this.count = count;
    }

    /** @param bytes of {@link #toBytes()}, or of anything else: then it is empty */
    static HashTable of(byte[] bytes) {
        var words = ByteBuffer.wrap(bytes).asLongBuffer();
        var number = (words.remaining() - 2) / SLOT;
        if (Integer.bitCount(number) == 1
                && number >= LEAST_SLOTS
                && bytes.length == (2 + number * SLOT) * Long.BYTES
                && words.get() == MAGIC) {
            var count = words.get();
            if (count >= 0 && 3 * count <= 2L * number) {
                var slots = new long[number * SLOT];
                words.get(slots);
                return new HashTable(slots, (int) count);
            }
        }
        return new HashTable(new long[LEAST_SLOTS * SLOT], 0);
    }

    byte[] toBytes() {
        var kept = 0;
        for (var at = 0; at < slots.length; at += SLOT) {
            kept += isKept(at) ? 1 : 0;
        }
        var table = new HashTable(new long[capacity(kept) * SLOT], 0);
        for (var at = 0; at < slots.length; at += SLOT) {
            if (isKept(at)) {
                table.add(slots, at, slots[at + NANOS_AND_AGE] + (1L << AGE_SHIFT));
            }
        }
        var bytes = ByteBuffer.allocate((2 + table.slots.length) * Long.BYTES);
        bytes.asLongBuffer().put(MAGIC).put(table.count).put(table.slots);
        return bytes.array();
    }

    private boolean isKept(int at) {
        return slots[at + INODE] != 0 && slots[at + NANOS_AND_AGE] >>> AGE_SHIFT < OLDEST;
    }

    private static int capacity(int count) {
        var capacity = LEAST_SLOTS;
        while (2L * capacity < 3L * count) {
            capacity *= 2;
        }
        return capacity;
    }

    int count() {
        return count;
    }

    /** In bytes, with one more file. */
    long nextSize() {
        return (long) capacity(count + 1) * SLOT * Long.BYTES;
    }

    /** The sha256 of a regular file that is as it was. */
    byte @Nullable [] find(TreeScan.Entry entry) {
        var at = place(slots, entry.device(), entry.inode());
        if (!isOf(at, entry)) {
            return null;
        }
        slots[at + NANOS_AND_AGE] &= NANOS;
        var hash = ByteBuffer.allocate((SLOT - HASH) * Long.BYTES);
        for (var i = HASH; i < SLOT; i++) {
            hash.putLong(slots[at + i]);
        }
        return hash.array();
    }

    boolean has(TreeScan.Entry entry) {
        return isOf(place(slots, entry.device(), entry.inode()), entry);
    }

    private boolean isOf(int at, TreeScan.Entry entry) {
        var changed = entry.changed();
        return slots[at + INODE] == entry.inode()
                && slots[at] == entry.device()
                && slots[at + SIZE] == entry.size()
                && slots[at + SECONDS] == changed.getEpochSecond()
                && (slots[at + NANOS_AND_AGE] & NANOS) == changed.getNano();
    }

    /** In the place of what was known of the same inode. */
    void put(long device, long inode, long size, Instant changed, byte[] hash) {
        var slot = new long[SLOT];
        slot[0] = device;
        slot[INODE] = inode;
        slot[SIZE] = size;
        slot[SECONDS] = changed.getEpochSecond();
        ByteBuffer.wrap(hash).asLongBuffer().get(slot, HASH, SLOT - HASH);
        if (capacity(count + 1) * SLOT > slots.length) {
            var larger = new HashTable(new long[capacity(count + 1) * SLOT], 0);
            for (var at = 0; at < slots.length; at += SLOT) {
                if (slots[at + INODE] != 0) {
                    larger.add(slots, at, slots[at + NANOS_AND_AGE]);
                }
            }
            slots = larger.slots;
        }
        add(slot, 0, changed.getNano());
    }

    private void add(long[] from, int start, long nanosAndAge) {
        var at = place(slots, from[start], from[start + INODE]);
        count += slots[at + INODE] == 0 ? 1 : 0;
        System.arraycopy(from, start, slots, at, SLOT);
        slots[at + NANOS_AND_AGE] = nanosAndAge;
    }

    /** Where an inode is, or would be; no file system has one of number 0. */
    private static int place(long[] slots, long device, long inode) {
        var number = slots.length / SLOT;
        var mixed = (inode * 31 + device) * 0x9e37_79b9_7f4a_7c15L;
        var at = (int) (mixed >>> 32) & number - 1;
        for (var tries = 0; tries < number; tries++) {
            var there = slots[at * SLOT + INODE];
            if (there == 0 || there == inode && slots[at * SLOT] == device) {
                break;
            }
            at = at + 1 & number - 1;
        }
        return at * SLOT;
    }
}
