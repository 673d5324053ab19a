package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.NetworkSpec;
import dev.cais.NotFoundException;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** As many as a network can have, and all of them at once. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(300)
class CrowdTest {
    private static final int CROWD = 250;
    private static final ContainerSpec IDLE = ContainerSpec.of("busybox").command("sleep", "1000");
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
        engine.containers().create(IDLE.network("bridge")).close();
    }

    /** In so many threads at once, each of which has failed if one call of it has. */
    private static void inThreads(int count, Runnable task) throws Exception {
        var tasks = new ArrayList<FutureTask<Void>>();
        for (var i = 0; i < count; i++) {
            var each = new FutureTask<Void>(task, null);
            tasks.add(each);
            new Thread(each, "crowd-of-test").start();
        }
        for (var each : tasks) {
            each.get();
        }
    }

    @Test
    void twoHundredAndFiftyOnOneNetworkFindEachOther() throws Exception {
        try (var net = engine.networks().create(NetworkSpec.of("crowded").subnet("198.18.80.0/24"))) {
            var containers = Collections.synchronizedList(new ArrayList<Container>());
            var number = new AtomicInteger();
            try {
                inThreads(8, () -> {
                    for (var i = number.getAndIncrement(); i < CROWD; i = number.getAndIncrement()) {
                        containers.add(engine.containers()
                                .start(IDLE.name("member-" + i).join(net, "everybody")));
                    }
                });
                var addresses = new HashSet<Object>();
                containers.forEach(each -> addresses.add(each.address(net)));
                assertThat(addresses).hasSize(CROWD);
                assertThat(net.endpoints()).hasSize(CROWD);
                var first = containers.get(0);
                for (var i : new int[] {0, 99, CROWD - 1}) {
                    assertThat(first.exec("ping", "-c", "1", "-W", "60", "member-" + i)
                                    .exitCode())
                            .isZero();
                }
                // more than a datagram has room for: so the answer comes over TCP, or is cut short with a sign
                assertThat(first.exec("nslookup", "-type=a", "everybody.").stdout())
                        .contains("Address: 198.18.80.");
                // 253 is all there is: the gateway, the subnet itself and the broadcast address are nobody's
                for (var i = CROWD; i < 253; i++) {
                    containers.add(
                            engine.containers().create(IDLE.name("member-" + i).join(net)));
                }
                assertThatThrownBy(() ->
                                engine.containers().create(IDLE.name("late").join(net)))
                        .isInstanceOf(ConflictException.class)
                        .hasMessage(
                                "cannot create container late: all addresses are taken [subnet=198.18.80.0/24]; make"
                                        + " the network with a larger subnet");
            } finally {
                inThreads(8, () -> {
                    while (true) {
                        Container next;
                        synchronized (containers) {
                            if (containers.isEmpty()) {
                                return;
                            }
                            next = containers.remove(containers.size() - 1);
                        }
                        next.close();
                    }
                });
            }
        }
    }

    @Test
    void sixteenThreadsConnectAndDisconnectTheSameContainers() throws Exception {
        var one = engine.networks().create("storm-1");
        var two = engine.networks().create("storm-2");
        var boxes = new ArrayList<Container>();
        try (one;
                two) {
            for (var i = 0; i < 4; i++) {
                boxes.add(engine.containers().start(IDLE.name("target-" + i).network("bridge")));
            }
            var turn = new AtomicInteger();
            inThreads(16, () -> {
                for (var round = 0; round < 10; round++) {
                    var next = turn.getAndIncrement();
                    var box = boxes.get(next % boxes.size());
                    var net = next / boxes.size() % 2 == 0 ? one : two;
                    try {
                        net.connect(box, "service");
                    } catch (ConflictException e) {
                        assertThat(e).hasMessageContaining("it is connected to network " + net.name() + " already");
                    }
                    try {
                        net.disconnect(box);
                    } catch (NotFoundException e) {
                        assertThat(e).hasMessageEndingWith("it is not connected to it");
                    }
                }
            });
            for (var box : boxes) {
                assertThat(box.exec("ls", "/sys/class/net").stdout()).isEqualTo("eth0\nlo\n");
                assertThat(box.endpoints()).hasSize(1);
                assertThat(box.exec("ping", "-c", "1", "-W", "60", "target-0").exitCode())
                        .isZero();
                assertThat(box.exec("nslookup", "-type=a", "service.").stdout()).doesNotContain("Address: 10.");
            }
            assertThat(List.of(one.endpoints(), two.endpoints())).allMatch(List::isEmpty);
        } finally {
            boxes.forEach(Container::close);
        }
    }
}
