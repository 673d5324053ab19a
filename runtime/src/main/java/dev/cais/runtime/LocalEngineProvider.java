package dev.cais.runtime;

import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.EngineProvider;

/** Opens the in-process engine. */
public final class LocalEngineProvider implements EngineProvider {
    @Override
    public Engine open(EngineOptions options) {
        return LocalEngine.open(options);
    }
}
