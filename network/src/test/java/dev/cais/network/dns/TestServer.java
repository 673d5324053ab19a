package dev.cais.network.dns;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.xbill.DNS.Message;

/** A name server on loopback that answers as a test tells it to, over UDP and TCP. */
final class TestServer implements AutoCloseable {
    /** What to answer. */
    interface Answers {
        /** @return messages to send, in order; none to leave the question without an answer */
        List<byte[]> to(Message question, boolean tcp) throws IOException;
    }

    private final Answers answers;
    private final InetSocketAddress address;
    private final DatagramSocket udp;
    private final ServerSocket tcp;
    private final List<Socket> connections = new CopyOnWriteArrayList<>();
    final List<Message> asked = new CopyOnWriteArrayList<>();
    /** Ports, of UDP only. */
    final List<Integer> askedFrom = new CopyOnWriteArrayList<>();

    private TestServer(Answers answers, DatagramSocket udp, ServerSocket tcp) {
        this.answers = answers;
        this.address = new InetSocketAddress(InetAddress.getLoopbackAddress(), udp.getLocalPort());
        this.udp = udp;
        this.tcp = tcp;
        start(this::serveDatagrams);
        start(() -> serveConnections(tcp));
    }

    static TestServer of(Answers answers) {
        while (true) {
            try {
                var udp = new DatagramSocket(0, InetAddress.getLoopbackAddress());
                try {
                    return new TestServer(
                            answers, udp, new ServerSocket(udp.getLocalPort(), 50, InetAddress.getLoopbackAddress()));
                } catch (IOException e) {
                    udp.close(); // that port is taken for TCP
                }
            } catch (SocketException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Of the questions, in their order: a question is repeated when its answer is late. */
    List<String> names() {
        return asked.stream()
                .map(question -> question.getQuestion().getName().toString())
                .toList();
    }

    InetSocketAddress address() {
        return address;
    }

    private static void start(Runnable work) {
        var thread = new Thread(work, "name-server-of-test");
        thread.setDaemon(true);
        thread.start();
    }

    private void serveDatagrams() {
        var packet = new DatagramPacket(new byte[65_535], 65_535);
        try {
            while (true) {
                packet.setLength(65_535);
                udp.receive(packet);
                var question = new Message(Arrays.copyOf(packet.getData(), packet.getLength()));
                askedFrom.add(packet.getPort());
                took(question);
                for (var answer : answers.to(question, false)) {
                    udp.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
                }
            }
        } catch (IOException e) {
            if (!udp.isClosed()) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private void serveConnections(ServerSocket listener) {
        while (true) {
            try {
                var connection = listener.accept();
                connections.add(connection);
                start(() -> serve(connection));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            var in = new DataInputStream(connection.getInputStream());
            while (true) {
                var question = new Message(in.readNBytes(in.readUnsignedShort()));
                took(question);
                for (var answer : answers.to(question, true)) {
                    connection.getOutputStream().write(framed(answer));
                }
            }
        } catch (IOException e) {
            // the client has what it wanted
        }
    }

    private synchronized void took(Message question) {
        asked.add(question);
        notifyAll();
    }

    synchronized void awaitQuestion() throws InterruptedException {
        while (asked.isEmpty()) {
            wait();
        }
    }

    static byte[] framed(byte[] message) {
        var framed = new byte[message.length + 2];
        framed[0] = (byte) (message.length >> 8);
        framed[1] = (byte) message.length;
        System.arraycopy(message, 0, framed, 2, message.length);
        return framed;
    }

    @Override
    public void close() throws IOException {
        udp.close();
        tcp.close();
        for (var connection : connections) {
            connection.close();
        }
    }
}
