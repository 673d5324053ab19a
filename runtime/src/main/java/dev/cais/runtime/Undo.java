package dev.cais.runtime;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The steps of something long, undone in reverse if it fails halfway.
 *
 * <p>Closing undoes everything that was added, unless {@link #keepAll} was called. A failure while undoing does not stop the rest;
 * the first one is thrown with the others suppressed, and a {@code try} with resources attaches it to what went wrong.
 */
final class Undo implements AutoCloseable {
    private final Deque<Runnable> steps = new ArrayDeque<>();

    /** Remembers to close something. */
    <T extends AutoCloseable> T add(T resource) {
        addStep(() -> {
            try {
                resource.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        return resource;
    }

    void addStep(Runnable step) {
        steps.push(step);
    }

    /** It has worked: nothing is undone. */
    void keepAll() {
        steps.clear();
    }

    @Override
    public void close() {
        RuntimeException first = null;
        while (!steps.isEmpty()) {
            try {
                steps.pop().run();
            } catch (RuntimeException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
