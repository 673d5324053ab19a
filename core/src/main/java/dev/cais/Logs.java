package dev.cais;

import java.io.InputStream;
import java.util.stream.Stream;

/** What a container has written so far. Each call reads from the start, and may stop anywhere: nothing has to be closed. */
public interface Logs {
    /** Lines of both streams in the order in which the engine read them, without their line ends; the last may be unfinished. */
    Stream<LogLine> lines();

    /** The bytes of stdout. */
    InputStream stdout();

    /** The bytes of stderr. */
    InputStream stderr();
}
