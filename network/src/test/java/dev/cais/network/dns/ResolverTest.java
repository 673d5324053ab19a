package dev.cais.network.dns;

import static dev.cais.network.dns.ZoneTest.address;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.linux.Fd;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.DClass;
import org.xbill.DNS.EDNSOption;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.Flags;
import org.xbill.DNS.GenericEDNSOption;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.Section;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

/** Asks a resolver over real sockets at 127.0.0.11, with and without servers of a host behind it. */
@LeakChecked
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class ResolverTest {
    private static final long SEED = Long.getLong("cais.fuzz.seed", 20_260_101L);

    /** Where nobody listens: below the kernel's random ports, of which the test's own sockets may get any. */
    private static final InetSocketAddress NOBODY = new InetSocketAddress(address("127.0.0.1"), 20_400);

    private static final Zone ZONE = Zone.of(List.of(
            new ZoneEntry(List.of("web.backend", "Web", "my_app", "w".repeat(63)), List.of(address("198.18.0.2"))),
            new ZoneEntry(List.of("db", "both"), List.of(address("198.18.0.3"), address("fd00:18::3"))),
            new ZoneEntry(List.of("db2", "both"), List.of(address("198.18.0.4"))),
            new ZoneEntry(Zone.HOST_NAMES, List.of(address("198.18.0.1")))));

    @Test
    void namesOfAnyCaseHaveTheirAddresses() throws Exception {
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE))) {
            for (var name : List.of("web", "WEB", "wEb.BackEnd", "my_app", "w".repeat(63))) {
                var answer = asker.ask(name, Type.A);
                assertThat(answer.getRcode()).as(name).isEqualTo(Rcode.NOERROR);
                assertThat(Asker.addresses(answer)).containsExactly("198.18.0.2");
                // some clients mix the case to tell an answer from a guess
                assertThat(answer.getQuestion().getName()).hasToString(name + ".");
                assertThat(answer.getSection(Section.ANSWER).get(0).getTTL()).isZero();
                assertThat(answer.getHeader().getFlag(Flags.RA)).isTrue();
                assertThat(answer.getHeader().getFlag(Flags.AA)).isTrue();
            }
            assertThat(Asker.addresses(asker.ask("host.internal", Type.A))).containsExactly("198.18.0.1");
            assertThat(Asker.addresses(asker.ask("host.docker.internal", Type.A)))
                    .containsExactly("198.18.0.1");
        }
    }

    @Test
    void typeThatANameLacksIsAnEmptyAnswer() throws Exception {
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE))) {
            assertThat(Asker.addresses(asker.ask("db", Type.AAAA))).containsExactly("fd00:18:0:0:0:0:0:3");
            for (var type : List.of(Type.AAAA, Type.MX, Type.HTTPS, Type.ANY)) {
                var answer = asker.ask("web", type);
                assertThat(answer.getRcode()).isEqualTo(Rcode.NOERROR);
                assertThat(answer.getSection(Section.ANSWER)).isEmpty();
            }
        }
    }

    @Test
    void addressesHaveNames() throws Exception {
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE))) {
            for (var entry : List.of(
                    List.of("198.18.0.2", "web.backend."),
                    List.of("198.18.0.3", "db."),
                    List.of("fd00:18::3", "db."))) {
                var answer = asker.ask(ReverseMap.fromAddress(entry.get(0)), Type.PTR);
                assertThat(answer.getSection(Section.ANSWER))
                        .extracting(Record::rdataToString)
                        .containsExactly(entry.get(1));
            }
            assertThat(asker.ask(ReverseMap.fromAddress("198.18.0.9"), Type.PTR).getRcode())
                    .isEqualTo(Rcode.NXDOMAIN);
        }
    }

    @Test
    void sharedNameHasItsAddressesInRotation() throws Exception {
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE))) {
            List<String> first = new ArrayList<>();
            for (var i = 0; i < 4; i++) {
                asker.ask("both", Type.AAAA); // as clients do, in between
                first.add(Asker.addresses(asker.ask("both", Type.A)).get(0));
            }
            assertThat(first).containsExactly("198.18.0.3", "198.18.0.4", "198.18.0.3", "198.18.0.4");
        }
    }

    @Test
    void eachQuestionSeesTheNamesOfItsMoment() throws Exception {
        var names = new Names[] {new Names(List.of(), Upstream.NONE)};
        try (var asker = new Asker(() -> names[0])) {
            assertThat(asker.ask("db", Type.A).getRcode()).isEqualTo(Rcode.NXDOMAIN);
            var other = Zone.of(List.of(new ZoneEntry(List.of("db"), List.of(address("198.18.9.9")))));
            names[0] = new Names(List.of(ZONE), Upstream.NONE);
            assertThat(Asker.addresses(asker.ask("db", Type.A))).containsExactly("198.18.0.3");
            names[0] = new Names(List.of(other, ZONE), Upstream.NONE);
            assertThat(Asker.addresses(asker.ask("db", Type.A))).containsExactly("198.18.9.9");
        }
    }

    @Test
    void longAnswerIsCutOverUdpAndWholeOverTcp() throws Exception {
        List<ZoneEntry> many = new ArrayList<>();
        for (var i = 0; i < 250; i++) {
            many.add(new ZoneEntry(List.of("many"), List.of(address("198.18.1." + i))));
        }
        try (var asker = new Asker(() -> new Names(List.of(Zone.of(many)), Upstream.NONE))) {
            var cut = asker.ask("many", Type.A);
            assertThat(cut.getHeader().getFlag(Flags.TC)).isTrue();
            assertThat(cut.numBytes()).isBetween(480, 512);
            assertThat(Asker.addresses(cut)).hasSizeGreaterThan(25);

            var larger = Asker.question("many", Type.A);
            larger.addRecord(new OPTRecord(1232, 0, 0), Section.ADDITIONAL);
            assertThat(Asker.addresses(asker.ask(larger))).hasSizeGreaterThan(70);

            var whole = asker.askByTcp(Asker.question("many", Type.A));
            assertThat(whole.getHeader().getFlag(Flags.TC)).isFalse();
            assertThat(Asker.addresses(whole)).hasSize(250);
        }
    }

    @Test
    void otherNamesComeFromTheHostsServers() throws Exception {
        try (var server = TestServer.of((question, tcp) -> List.of(text(question, "from the host")));
                var asker = new Asker(() -> new Names(List.of(ZONE), upstream(server)))) {
            var question = Asker.question("example.com", Type.TXT);
            var answer = asker.ask(question);
            assertThat(answer.getHeader().getID())
                    .isEqualTo(question.getHeader().getID());
            assertThat(answer.getSection(Section.ANSWER))
                    .extracting(Record::rdataToString)
                    .containsExactly("\"from the host\"");
            assertThat(Asker.addresses(asker.ask("web", Type.A))).containsExactly("198.18.0.2");
            assertThat(server.names())
                    .as("more than once, if the answer is late")
                    .containsOnly("example.com.");
        }
    }

    @Test
    void noAnswerIsKept() throws Exception {
        var turn = new AtomicInteger();
        try (var server = TestServer.of((question, tcp) -> List.of(text(question, "turn " + turn.incrementAndGet())));
                var asker = new Asker(() -> new Names(List.of(ZONE), upstream(server)))) {
            List<Record> answers = new ArrayList<>();
            for (var i = 0; i < 3; i++) {
                answers.addAll(asker.ask("example.com", Type.TXT).getSection(Section.ANSWER));
            }
            assertThat(answers).hasSize(3).extracting(Record::rdataToString).doesNotHaveDuplicates();
        }
    }

    @Test
    void onlyTheQuestionAndItsMeaningReachTheServer() throws Exception {
        try (var server = TestServer.of((question, tcp) -> List.of(text(question, "x")));
                var asker = new Asker(() -> new Names(List.of(), upstream(server)))) {
            var question = Asker.question("ExAmple.com", Type.TXT);
            question.getHeader().setFlag(Flags.CD);
            EDNSOption secret = new GenericEDNSOption(65_001, new byte[] {1, 2, 3});
            question.addRecord(new OPTRecord(4096, 0, 0, ExtendedFlags.DO, List.of(secret)), Section.ADDITIONAL);
            assertThat(asker.ask(question).getRcode()).isEqualTo(Rcode.NOERROR);

            var asked = server.asked.get(0);
            assertThat(asked.getQuestion().getName()).hasToString("ExAmple.com.");
            assertThat(asked.getHeader().getFlag(Flags.RD)).isTrue();
            assertThat(asked.getHeader().getFlag(Flags.CD)).isTrue();
            assertThat(asked.getOPT().getPayloadSize())
                    .as("what no path breaks up")
                    .isEqualTo(1232);
            assertThat(asked.getOPT().getFlags()).isEqualTo(ExtendedFlags.DO);
            assertThat(asked.getOPT().getOptions()).isEmpty();
        }
    }

    @Test
    void answerThatIsCutComesWholeOverTcp() throws Exception {
        var whole = "x".repeat(200);
        try (var server = TestServer.of(
                        (question, tcp) -> List.of(tcp ? text(question, whole, whole, whole, whole) : cut(question)));
                var asker = new Asker(() -> new Names(List.of(), upstream(server)))) {
            assertThat(asker.ask("long.example", Type.TXT).getHeader().getFlag(Flags.TC))
                    .isTrue();
            var answer = asker.askByTcp(Asker.question("long.example", Type.TXT));
            assertThat(answer.getHeader().getFlag(Flags.TC)).isFalse();
            assertThat(answer.numBytes()).isGreaterThan(800);
        }
    }

    @Test
    void answerLongerThanTheClientTakesIsCut() throws Exception {
        var whole = "x".repeat(200);
        try (var server = TestServer.of((question, tcp) -> List.of(text(question, whole, whole, whole, whole)));
                var asker = new Asker(() -> new Names(List.of(), upstream(server)))) {
            var answer = asker.ask("long.example", Type.TXT);
            assertThat(answer.getHeader().getFlag(Flags.TC)).isTrue();
            assertThat(answer.numBytes()).isLessThan(512);
        }
    }

    @Test
    void lostPacketsAreSentAgain() throws Exception {
        var count = new AtomicInteger();
        try (var server = TestServer.of((question, tcp) ->
                        count.incrementAndGet() < 3 ? List.of() : List.of(text(question, "at last")));
                var asker = new Asker(() -> new Names(List.of(), upstream(server)))) {
            assertThat(asker.ask("example.com", Type.TXT).getRcode()).isEqualTo(Rcode.NOERROR);
            assertThat(server.asked).hasSizeGreaterThanOrEqualTo(3);
        }
    }

    @Test
    void serverThatIsSilentGoneOrUnwillingIsFollowedByTheNext() throws Exception {
        try (var silent = TestServer.of((question, tcp) -> List.of());
                var failing = TestServer.of((question, tcp) -> List.of(failure(question, Rcode.SERVFAIL)));
                var unwilling = TestServer.of((question, tcp) -> List.of(failure(question, Rcode.REFUSED)));
                var good = TestServer.of((question, tcp) -> List.of(text(question, "good")));
                var asker = new Asker(() -> new Names(
                        List.of(),
                        upstream(NOBODY, failing.address(), silent.address(), unwilling.address(), good.address())))) {
            for (var tcp : List.of(false, true)) {
                var question = Asker.question("example.com", Type.TXT);
                var answer = tcp ? asker.askByTcp(question) : asker.ask(question);
                assertThat(answer.getSection(Section.ANSWER))
                        .extracting(Record::rdataToString)
                        .containsExactly("good");
            }
        }
    }

    @Test
    void whenAllServersFailTheirFailureIsTheAnswerAtOnce() throws Exception {
        try (var unwilling = TestServer.of((question, tcp) -> List.of(failure(question, Rcode.REFUSED)));
                var asker = new Asker(() -> new Names(List.of(), upstream(unwilling.address(), NOBODY)));
                var other = new Asker(() -> new Names(List.of(), upstream(NOBODY)))) {
            assertThat(asker.ask("example.com", Type.A).getRcode()).isEqualTo(Rcode.REFUSED);
            assertThat(other.ask("example.com", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
            assertThat(other.askByTcp(Asker.question("example.com", Type.A)).getRcode())
                    .isEqualTo(Rcode.SERVFAIL);
        }
    }

    @Test
    void silenceOfAllServersEndsAfterTheirPatience() throws Exception {
        try (var silent = TestServer.of((question, tcp) -> List.of());
                var asker = new Asker(() -> new Names(
                        List.of(), new Upstream(List.of(silent.address()), Duration.ofSeconds(1), false, false)))) {
            assertThat(asker.ask("example.com", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
            silent.awaitQuestion();
        }
    }

    @Test
    void answersToOtherQuestionsAreNotTaken() throws Exception {
        try (var server = TestServer.of((question, tcp) -> {
                    var otherId = text(question, "forged");
                    otherId[1]++;
                    var otherName = Message.newQuery(
                            Record.newRecord(Name.fromConstantString("other.example."), Type.TXT, DClass.IN));
                    otherName.getHeader().setID(question.getHeader().getID());
                    var otherType = Message.newQuery(
                            Record.newRecord(question.getQuestion().getName(), Type.A, DClass.IN));
                    otherType.getHeader().setID(question.getHeader().getID());
                    return List.of(
                            new byte[] {1, 2, 3},
                            question.toWire(), // a question is no answer
                            otherId,
                            text(otherName, "forged"),
                            failure(otherType, Rcode.NXDOMAIN),
                            text(question, "true"));
                });
                var asker = new Asker(() -> new Names(List.of(), upstream(server)))) {
            assertThat(asker.ask("example.com", Type.TXT).getSection(Section.ANSWER))
                    .extracting(Record::rdataToString)
                    .containsExactly("true");
        }
    }

    @Test
    void eachQuestionGoesOutFromAnotherPortWithAnotherNumber() throws Exception {
        var ids = new CopyOnWriteArrayList<Integer>();
        try (var server = TestServer.of((question, tcp) -> {
                    ids.add(question.getHeader().getID());
                    return List.of(text(question, "x"));
                });
                var asker = new Asker(() -> new Names(List.of(), upstream(server)))) {
            for (var i = 0; i < 8; i++) {
                asker.ask("example.com", Type.TXT);
            }
            assertThat(Set.copyOf(ids)).as("two may be alike by chance").hasSizeGreaterThan(5);
            assertThat(Set.copyOf(server.askedFrom)).hasSizeGreaterThan(5);
        }
    }

    @Test
    void serversTakeTurnsIfTheHostWantsIt() throws Exception {
        try (var one = TestServer.of((question, tcp) -> List.of(text(question, "x")));
                var two = TestServer.of((question, tcp) -> List.of(text(question, "x")));
                var asker = new Asker(() -> new Names(
                        List.of(),
                        new Upstream(List.of(one.address(), two.address()), Duration.ofSeconds(30), true, false)))) {
            for (var i = 0; i < 4; i++) {
                asker.ask("n" + i + ".example", Type.TXT);
            }
            Eventually.passes(
                    () -> { // if one's answer is late, the other is asked, too
                        assertThat(one.names()).contains("n0.example.", "n2.example.");
                        assertThat(two.names()).contains("n1.example.", "n3.example.");
                    });
        }
    }

    @Test
    void questionsWaitWhenTooManyAreOnTheirWay() throws Exception {
        try (var server = TestServer.of((question, tcp) -> List.of(text(question, "x")));
                var asker = new Asker(() -> new Names(List.of(), upstream(server)))) {
            try (var socket = asker.socket()) {
                var count = 200;
                for (var i = 0; i < count; i++) {
                    var bytes = Asker.question("n" + i + ".example", Type.TXT).toWire();
                    socket.send(new DatagramPacket(bytes, bytes.length));
                }
                for (var i = 0; i < count; i++) {
                    assertThat(Asker.receive(socket).getRcode()).isEqualTo(Rcode.NOERROR);
                }
            }
        }
    }

    @Test
    void severalQuestionsOfOneConnectionAreAnsweredEvenWhenItsSideIsEnded() throws Exception {
        try (var server = TestServer.of((question, tcp) -> List.of(text(question, "x")));
                var asker = new Asker(() -> new Names(List.of(ZONE), upstream(server)));
                var socket = asker.connect()) {
            var count = 60; // more than may be on their way at once
            for (var i = 0; i < count; i++) {
                var name = i % 2 == 0 ? "web" : "n" + i + ".example";
                socket.getOutputStream()
                        .write(TestServer.framed(Asker.question(name, Type.TXT).toWire()));
            }
            socket.shutdownOutput();
            for (var i = 0; i < count; i++) {
                assertThat(Asker.receive(socket).getRcode()).isEqualTo(Rcode.NOERROR);
            }
            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    void moreConnectionsThanAreTakenAtOnceAreServedInTheEnd() throws Exception {
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE))) {
            List<Socket> sockets = new ArrayList<>();
            for (var i = 0; i < 40; i++) {
                sockets.add(asker.connect());
            }
            for (var socket : sockets) {
                try (socket) {
                    socket.getOutputStream()
                            .write(TestServer.framed(
                                    Asker.question("web", Type.A).toWire()));
                    assertThat(Asker.addresses(Asker.receive(socket))).containsExactly("198.18.0.2");
                }
            }
        }
    }

    @Test
    void whatIsNoQuestionIsRefusedOrDropped() throws Exception {
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE));
                var socket = asker.socket()) {
            var answer = Asker.question("web", Type.A);
            answer.getHeader().setFlag(Flags.QR);
            var notify = Asker.question("web", Type.SOA);
            notify.getHeader().setOpcode(Opcode.NOTIFY);
            var none = new Message(7);
            var two = Asker.question("web", Type.A);
            two.addRecord(two.getQuestion(), Section.QUESTION);
            var chaos =
                    Message.newQuery(Record.newRecord(Name.fromConstantString("version.bind."), Type.TXT, DClass.CH));
            var newer = Asker.question("web", Type.A);
            newer.addRecord(new OPTRecord(1232, 0, 1), Section.ADDITIONAL);
            var short1 = Arrays.copyOf(Asker.question("web", Type.A).toWire(), 15);

            for (var bytes : List.of(new byte[0], new byte[11], answer.toWire())) {
                socket.send(new DatagramPacket(bytes, bytes.length));
            }
            for (var expected : List.of(
                    List.of(notify.toWire(), Rcode.NOTIMP),
                    List.of(none.toWire(), Rcode.FORMERR),
                    List.of(two.toWire(), Rcode.FORMERR),
                    List.of(short1, Rcode.FORMERR),
                    List.of(new byte[5000], Rcode.FORMERR),
                    List.of(chaos.toWire(), Rcode.REFUSED),
                    List.of(Asker.question("web", Type.AXFR).toWire(), Rcode.REFUSED),
                    List.of(newer.toWire(), Rcode.BADVERS),
                    List.of(Asker.question("web", Type.A).toWire(), Rcode.NOERROR))) {
                var bytes = (byte[]) expected.get(0);
                socket.send(new DatagramPacket(bytes, bytes.length));
                var refused = Asker.receive(socket);
                assertThat(refused.getRcode()).isEqualTo(expected.get(1));
                assertThat(refused.getHeader().getID()).isEqualTo((bytes[0] & 0xff) << 8 | bytes[1] & 0xff);
            }
        }
    }

    @Test
    void brokenConnectionsHarmNobody() throws Exception {
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE))) {
            try (var socket = asker.connect()) {
                socket.getOutputStream().write(new byte[] {(byte) 0xff, (byte) 0xff, 1});
                assertThat(socket.getInputStream().read())
                        .as("too long a question")
                        .isEqualTo(-1);
            }
            try (var socket = asker.connect()) {
                socket.getOutputStream().write(new byte[] {0, 40, 1});
                socket.setSoLinger(true, 0);
            }
            assertThat(Asker.addresses(asker.askByTcp(Asker.question("web", Type.A))))
                    .containsExactly("198.18.0.2");
        }
    }

    @Test
    void anythingIsAnsweredOrDroppedAndTheNextQuestionServed() throws Exception {
        var random = new Random(SEED);
        try (var asker = new Asker(() -> new Names(List.of(ZONE), Upstream.NONE));
                var socket = asker.socket()) {
            for (var round = 0; round < 1000; round++) {
                if (round % 50 == 49) {
                    awaitAnswer(socket); // so that no packet is lost
                }
                var question = Asker.question("web", Type.A);
                question.addRecord(new OPTRecord(1232, 0, 0), Section.ADDITIONAL);
                var bytes = question.toWire();
                for (var i = 0; i <= random.nextInt(4); i++) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
                bytes = Arrays.copyOf(bytes, random.nextInt(8) == 0 ? random.nextInt(60) : bytes.length);
                socket.send(new DatagramPacket(bytes, bytes.length));
            }
            awaitAnswer(socket);
        }
    }

    /** Asks something answerable: it came last, so whatever else is answered is answered before. */
    private static void awaitAnswer(DatagramSocket socket) throws IOException {
        var last = Asker.question("db", Type.A);
        var bytes = last.toWire();
        socket.send(new DatagramPacket(bytes, bytes.length));
        Message answer;
        do {
            answer = Asker.receive(socket);
        } while (!last.getQuestion().equals(answer.getQuestion()));
        assertThat(Asker.addresses(answer)).as("seed " + SEED).containsExactly("198.18.0.3");
    }

    @Test
    void closedServiceFreesItsPortAtOnce() throws Exception {
        InetSocketAddress address;
        try (var silent = TestServer.of((question, tcp) -> List.of());
                var asker = new Asker(() -> new Names(List.of(), upstream(silent)))) {
            address = asker.address();
            try (var connection = asker.connect()) {
                connection
                        .getOutputStream()
                        .write(TestServer.framed(
                                Asker.question("example.com", Type.A).toWire()));
                silent.awaitQuestion();
                asker.service().close();
                asker.service().close();
                assertThat(asker.service()).hasToString("NameService[0 questions forwarded, 0 connections]");
                assertThat(connection.getInputStream().read()).isEqualTo(-1);
            }
            Asker.bind(address).forEach(Fd::close);
        }
    }

    @Test
    @RequiresProgram("dig")
    void digIsContent() throws Exception {
        var text = "x".repeat(250);
        try (var server = TestServer.of((question, tcp) ->
                        List.of(tcp ? text(question, text, text, text, text, text) : cut(question)));
                var asker = new Asker(() -> new Names(List.of(ZONE), upstream(server)))) {
            assertThat(asker.dig("+short", "WEB", "A")).isEqualTo("198.18.0.2\n");
            assertThat(asker.dig("+short", "+tcp", "db", "AAAA")).isEqualTo("fd00:18::3\n");
            assertThat(asker.dig("+short", "-x", "198.18.0.3")).isEqualTo("db.\n");
            assertThat(asker.dig("web", "AAAA"))
                    .contains("status: NOERROR", "flags: qr aa rd ra", "ANSWER: 0")
                    .doesNotContain("WARNING");
            assertThat(asker.dig("+short", "long.example", "TXT").lines()).hasSize(5);
        }
    }

    private static Upstream upstream(TestServer server) {
        return upstream(server.address());
    }

    private static Upstream upstream(InetSocketAddress... servers) {
        return new Upstream(List.of(servers), Duration.ofSeconds(60), false, false);
    }

    private static byte[] text(Message question, String... texts) {
        var answer = answer(question);
        var name = question.getQuestion().getName();
        for (var text : texts) {
            answer.addRecord(new TXTRecord(name, DClass.IN, 60, text), Section.ANSWER);
        }
        return answer.toWire();
    }

    private static byte[] cut(Message question) {
        var answer = answer(question);
        answer.getHeader().setFlag(Flags.TC);
        return answer.toWire();
    }

    private static byte[] failure(Message question, int rcode) {
        var answer = answer(question);
        answer.getHeader().setRcode(rcode);
        return answer.toWire();
    }

    private static Message answer(Message question) {
        var answer = new Message(question.getHeader().getID());
        answer.getHeader().setFlag(Flags.QR);
        answer.addRecord(question.getQuestion(), Section.QUESTION);
        return answer;
    }
}
