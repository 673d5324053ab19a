package dev.cais;

/** Where a container wrote to. */
public enum LogStream {
    STDOUT,
    STDERR
}
