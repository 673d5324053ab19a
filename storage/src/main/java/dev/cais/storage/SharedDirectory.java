package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The directory of another layer from which files are shared: mostly the one of the file before. */
final class SharedDirectory implements AutoCloseable {
    private static final int WITHIN =
            Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS | Abi.RESOLVE_NO_XDEV;

    private final NativeMemory name = NativeMemory.allocate(8192);
    private @Nullable Fd open;
    private @Nullable Fd layer;
    private byte[] path = {};

    /** The last one, or it is opened now and the last one closed. Negative if there is none. */
    long of(Fd wantedLayer, byte[] wanted) {
        if (open == null || layer != wantedLayer || !Arrays.equals(path, wanted)) {
            close();
            var text = Names.put(name, wanted.length == 0 ? Names.DOT : wanted);
            var opened = Lookup.open(wantedLayer.number(), text, Abi.O_PATH | Abi.O_DIRECTORY, WITHIN);
            if (opened < 0) {
                return opened;
            }
            open = Fd.of(opened);
            layer = wantedLayer;
            path = wanted;
        }
        return open.number();
    }

    @Override
    public void close() {
        if (open != null) {
            open.close();
            open = null;
        }
    }
}
