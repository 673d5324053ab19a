package dev.cais;

/** What stands behind {@link Engine#open}: found by {@link java.util.ServiceLoader}. */
public interface EngineProvider {
    /** See {@link Engine#open(EngineOptions)}. */
    Engine open(EngineOptions options);
}
