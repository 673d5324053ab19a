package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ScratchTest {
    @Test
    void pathsEndWithNulAndReachTheKernel() {
        try (var scratch = Scratch.frame()) {
            var link = scratch.path("/proc/self/cwd");
            var target = scratch.take(256);
            var length = Syscalls.call(Syscall.READLINKAT, -100, link, Scratch.address(target), 256);

            var bytes = new byte[(int) length];
            target.get(0, bytes);
            assertThat(new String(bytes, StandardCharsets.UTF_8)).isEqualTo(System.getProperty("user.dir"));
        }
    }

    @Test
    void framesNestAndGiveTheirMemoryBackZeroed() {
        try (var outer = Scratch.frame()) {
            var kept = outer.bytes(new byte[] {1, 2, 3});
            long first;
            try (var inner = Scratch.frame()) {
                first = inner.bytes(new byte[] {7, 7, 7});
                assertThat(first).isGreaterThan(kept);
            }
            try (var inner = Scratch.frame()) {
                var again = inner.take(3);
                assertThat(Scratch.address(again)).isEqualTo(first);
                assertThat(again.get(0)).isZero();
            }
        }
    }

    @Test
    void addressesAreAlignedToEightBytes() {
        try (var scratch = Scratch.frame()) {
            scratch.bytes(new byte[3]);
            assertThat(scratch.words(1, 2) % 8).isZero();
            assertThat(scratch.reserve(1 << 20) % 8).isZero();
        }
    }

    @Test
    void whatDoesNotFitTheStackIsAllocatedApart() {
        try (var scratch = Scratch.frame()) {
            var large = scratch.take(1 << 20);
            large.put((1 << 20) - 1, (byte) 5);
            var small = scratch.take(8);
            assertThat(Scratch.address(small)).isNotEqualTo(Scratch.address(large));
            assertThat(large.get((1 << 20) - 1)).isEqualTo((byte) 5);
        }
    }
}
