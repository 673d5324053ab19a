package dev.cais;

import java.time.Duration;

/**
 * A process of a container at one moment, as {@link Container#top} lists it.
 *
 * @param pid as the host counts
 * @param ppid its parent's, as the host counts
 * @param containerPid as the container counts
 * @param user that it runs as: the name in the container's {@code /etc/passwd}, else the number
 * @param state as ps(1) shows it: {@code R} runs, {@code S} and {@code D} wait, {@code T} is stopped, {@code Z} has ended
 * @param cpuPercent of one processor, on average since it began
 * @param cpuTime on all processors since it began
 * @param command with its arguments, joined by blanks; the name in brackets if there are none to be seen
 */
public record ContainerProcess(
        int pid,
        int ppid,
        int containerPid,
        String user,
        char state,
        double cpuPercent,
        Duration cpuTime,
        String command) {}
