package dev.cais;

import java.util.Iterator;
import java.util.ServiceLoader;

/**
 * A container engine inside this JVM: images, containers and what they need, with nothing installed on the host.
 *
 * <p>An engine owns its containers and networks: they go with it, whether it is closed or its JVM dies. Images and volumes belong to the
 * store, which several engines, in one JVM or many, share. An engine and everything it hands out may be used by many threads.
 */
public interface Engine extends AutoCloseable {
    /** Opens an engine with {@link EngineOptions#defaults()}. */
    static Engine open() {
        return open(EngineOptions.defaults());
    }

    /**
     * Opens an engine on the first provider found, at once and without touching the network.
     *
     * @throws UnsupportedHostException if the host cannot run containers, or no engine is on the class path
     * @throws StorageException if the store cannot be created or read
     */
    static Engine open(EngineOptions options) {
        Iterator<EngineProvider> providers = ServiceLoader.load(
                        EngineProvider.class, EngineProvider.class.getClassLoader())
                .iterator();
        if (!providers.hasNext()) {
            throw new UnsupportedHostException(
                    "cannot open an engine: no provider is on the class path",
                    "add the artifact dev.cais:cais-runtime");
        }
        return providers.next().open(options);
    }

    Images images();

    Containers containers();

    Events events();

    Volumes volumes();

    Networks networks();

    /** What the engine found on this host and decided to use. */
    EngineInfo info();

    /** Kills and removes all containers and networks of this engine, at once, and gives everything back. Idempotent. */
    @Override
    void close();
}
