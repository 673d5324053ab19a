package dev.cais.network.dns;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Programs;
import dev.cais.linux.Abi;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/** A container's place: sockets at 127.0.0.11 as a launch program hands them over, a resolver behind them, and clients that ask. */
final class Asker implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 60_000;

    private final EventLoop loop = new EventLoop("cais-test");
    private final InetSocketAddress address;
    private final NameService service;

    Asker(Supplier<Names> names) {
        var sockets = bind(new InetSocketAddress(ZoneTest.address("127.0.0.11"), 0));
        address = InetSocket.of(sockets.get(0)).localAddress();
        service = new Resolver(loop).attach(sockets.get(0), sockets.get(1), names);
    }

    /** A socket of UDP and a listening one of TCP with the same port. */
    static List<Fd> bind(InetSocketAddress wanted) {
        while (true) {
            var udp = InetSocket.open(wanted.getAddress(), Abi.SOCK_DGRAM, Abi.IPPROTO_UDP);
            assertThat(udp.bind(wanted)).isZero();
            var tcp = InetSocket.open(wanted.getAddress(), Abi.SOCK_STREAM, Abi.IPPROTO_TCP)
                    .option(Abi.SOL_SOCKET, Abi.SO_REUSEADDR, 1);
            if (tcp.bind(udp.localAddress()) == 0 && tcp.listen(128) == 0) {
                return List.of(udp.fd(), tcp.fd());
            }
            udp.close();
            tcp.close();
            assertThat(wanted.getPort()).as("a port of somebody else's choice").isZero();
        }
    }

    InetSocketAddress address() {
        return address;
    }

    NameService service() {
        return service;
    }

    static Message question(String name, int type) throws IOException {
        return question(Name.fromString(name, Name.root), type);
    }

    private static Message question(Name name, int type) {
        return Message.newQuery(Record.newRecord(name, type, DClass.IN));
    }

    Message ask(String name, int type) throws IOException {
        return ask(question(name, type));
    }

    Message ask(Name name, int type) throws IOException {
        return ask(question(name, type));
    }

    /** Asks over UDP, once: no answer is a failure. */
    Message ask(Message question) throws IOException {
        try (var socket = socket()) {
            var bytes = question.toWire();
            socket.send(new DatagramPacket(bytes, bytes.length));
            return receive(socket);
        }
    }

    Message askByTcp(Message question) throws IOException {
        try (var socket = connect()) {
            socket.getOutputStream().write(TestServer.framed(question.toWire()));
            return receive(socket);
        }
    }

    DatagramSocket socket() throws IOException {
        var socket = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        socket.setReceiveBufferSize(1 << 20);
        socket.connect(address);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        return socket;
    }

    Socket connect() throws IOException {
        var socket = new Socket(address.getAddress(), address.getPort());
        socket.setSoTimeout(TIMEOUT_MILLIS);
        return socket;
    }

    static Message receive(DatagramSocket socket) throws IOException {
        return new Message(receiveRaw(socket));
    }

    static byte[] receiveRaw(DatagramSocket socket) throws IOException {
        var packet = new DatagramPacket(new byte[65_535], 65_535);
        socket.receive(packet);
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    static Message receive(Socket socket) throws IOException {
        var in = new DataInputStream(socket.getInputStream());
        return new Message(in.readNBytes(in.readUnsignedShort()));
    }

    /** In the answer's order. */
    static List<String> addresses(Message answer) {
        return answer.getSection(Section.ANSWER).stream()
                .map(record -> record instanceof ARecord a ? a.getAddress() : ((AAAARecord) record).getAddress())
                .map(InetAddress::getHostAddress)
                .toList();
    }

    String dig(String... arguments) {
        var command = new ArrayList<>(List.of("dig", "@127.0.0.11", "-p", "" + address.getPort(), "+time=60"));
        command.addAll(List.of(arguments));
        var outcome = Programs.run(command.toArray(String[]::new));
        assertThat(outcome.exitCode()).as(outcome.output()).isZero();
        return outcome.output();
    }

    @Override
    public void close() {
        service.close();
        loop.close();
    }
}
