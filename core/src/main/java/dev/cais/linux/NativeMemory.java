package dev.cais.linux;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Memory outside the heap with a fixed address, little endian; freed when it is no longer reachable. */
public final class NativeMemory {
    private final ByteBuffer bytes;
    private final long address;

    private NativeMemory(ByteBuffer bytes) {
        this.bytes = bytes;
        this.address = Pointer.nativeValue(Native.getDirectBufferPointer(bytes));
    }

    /** Zeroed memory, aligned to eight bytes. */
    public static NativeMemory allocate(int size) {
        return new NativeMemory(ByteBuffer.allocateDirect(size + 8)
                .alignedSlice(8)
                .slice(0, size)
                .order(ByteOrder.LITTLE_ENDIAN));
    }

    /** Where the kernel finds the first byte. The memory must stay reachable while the kernel may use it. */
    public long address() {
        return address;
    }

    /** The memory itself: position and limit are the caller's. */
    public ByteBuffer bytes() {
        return bytes;
    }

    public int size() {
        return bytes.capacity();
    }
}
