package dev.cais.examples;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.ExecSpec;
import dev.cais.Snapshot;
import java.time.Duration;

/**
 * {@code WarmClones IMAGE}: sets up a PostgreSQL database once (IMAGE is a Debian with the package {@code postgresql}), and starts it
 * again and again, each time untouched. Prints how long it takes until the database answers.
 */
public final class WarmClones {
    private static final int CLONES = 5;

    private static final String SET_UP = """
        set -e
        bin=$(echo /usr/lib/postgresql/*/bin)
        mkdir -p /srv/db; chown postgres /srv/db
        su postgres -c "$bin/initdb -D /srv/db -A trust >/dev/null"
        su postgres -c "$bin/pg_ctl -D /srv/db -o '-k /tmp -h \\"\\"' -w start >/dev/null"
        su postgres -c "psql -qh /tmp -c 'create table t as select generate_series(1, 100000) n'"
        su postgres -c "$bin/pg_ctl -D /srv/db -m fast -w stop >/dev/null"
        """;
    private static final String SERVE = "exec /usr/lib/postgresql/*/bin/postgres -D /srv/db -k /tmp -h ''";

    private WarmClones() {}

    public static void main(String[] arguments) throws InterruptedException {
        try (var engine = Engine.open()) {
            var begun = System.nanoTime();
            try (var first =
                    engine.containers().start(ContainerSpec.of(arguments[0]).command("sh", "-c", SET_UP))) {
                System.out.println("set up: " + first.await());
                var made = System.nanoTime();
                try (var snapshot = first.snapshot()) {
                    System.out.println("snapshot: " + millis(made));
                    serve(engine, snapshot);
                    System.out.println("cold, with its set-up: " + millis(begun));
                    for (var i = 0; i < CLONES; i++) {
                        var start = System.nanoTime();
                        serve(engine, snapshot);
                        System.out.println("clone: " + millis(start));
                    }
                    first.close(); // it needs what the snapshot holds
                }
            }
        }
    }

    /** Starts a clone, counts the rows in it, adds one, and removes it. */
    private static void serve(Engine engine, Snapshot snapshot) throws InterruptedException {
        var spec = ContainerSpec.of(snapshot).user("postgres").command("sh", "-c", SERVE);
        try (var clone = engine.containers().start(spec)) {
            var started = System.nanoTime();
            var answer = ask(clone);
            while (answer.isEmpty()) {
                if (System.nanoTime() - started > Duration.ofMinutes(1).toNanos()) {
                    throw new IllegalStateException(clone + " does not answer");
                }
                Thread.sleep(5);
                answer = ask(clone);
            }
            System.out.println("rows: " + answer); // 100000
        }
    }

    /** Empty while the database does not answer. */
    private static String ask(Container clone) {
        var question = "insert into t values (0) returning (select count(*) from t)";
        return clone.exec(ExecSpec.of("psql", "-qAth", "/tmp", "-c", question).user("postgres"))
                .stdout()
                .strip();
    }

    private static String millis(long since) {
        return (System.nanoTime() - since) / 1_000_000 + " ms";
    }
}
