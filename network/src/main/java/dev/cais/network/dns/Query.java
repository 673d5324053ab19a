package dev.cais.network.dns;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.DNSInput;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Header;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * One question that a container sent, and the answers to it.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc1035#section-4">RFC 1035, 4: Messages</a>
 */
final class Query {
    /** Without EDNS no answer over UDP is longer. */
    static final int SMALLEST_LIMIT = 512;

    /** What crosses any path in one piece: asked for and promised. */
    static final int EDNS_SIZE = 1232;

    static final int LARGEST_ANSWER = 65_535;

    private static final int LARGEST = 4096;
    private static final int HEADER = 12;
    /** Local names change with their containers, so nobody may keep them. */
    private static final int TTL = 0;

    private final Header header;
    private final Record question;
    private final @Nullable OPTRecord options;

    private Query(Header header, Record question, @Nullable OPTRecord options) {
        this.header = header;
        this.question = question;
        this.options = options;
    }

    /**
     * Reads a message.
     *
     * @param refusal gets the answer, if the message is no question that we take
     * @return empty also for what must not be answered: less than a header, or an answer
     */
    static Optional<Query> parse(byte[] bytes, Consumer<byte[]> refusal) {
        if (bytes.length < HEADER || (bytes[2] & 0x80) != 0) {
            return Optional.empty();
        }
        try {
            var header = new Header(bytes);
            if (header.getOpcode() != Opcode.QUERY) {
                refusal.accept(refusal(bytes, Rcode.NOTIMP));
                return Optional.empty();
            }
            if (bytes.length > LARGEST || header.getCount(Section.QUESTION) != 1) {
                refusal.accept(refusal(bytes, Rcode.FORMERR));
                return Optional.empty();
            }
            var message = new Message(bytes);
            var query = new Query(message.getHeader(), message.getQuestion(), message.getOPT());
            if (query.options != null && query.options.getVersion() > 0) {
                refusal.accept(query.answer(Rcode.BADVERS, List.of(), false, SMALLEST_LIMIT));
                return Optional.empty();
            }
            if (query.question.getDClass() != DClass.IN || isTransfer(query.question.getType())) {
                refusal.accept(query.answer(Rcode.REFUSED, List.of(), false, SMALLEST_LIMIT));
                return Optional.empty();
            }
            return Optional.of(query);
        } catch (IOException | RuntimeException e) { // the parser's checks throw of both kinds
            refusal.accept(refusal(bytes, Rcode.FORMERR));
            return Optional.empty();
        }
    }

    private static boolean isTransfer(int type) {
        return type == Type.AXFR || type == Type.IXFR || type == Type.MAILA || type == Type.MAILB;
    }

    /** A header alone, since nothing behind it is to be trusted. */
    private static byte[] refusal(byte[] query, int rcode) {
        var answer = new byte[HEADER];
        System.arraycopy(query, 0, answer, 0, 3);
        answer[2] = (byte) (query[2] & 0x79 | 0x80); // the operation and RD stay
        answer[3] = (byte) (0x80 | rcode);
        return answer;
    }

    /** How long an answer over UDP may be. */
    int limit() {
        return options == null
                ? SMALLEST_LIMIT
                : Math.max(SMALLEST_LIMIT, Math.min(LARGEST_ANSWER, options.getPayloadSize()));
    }

    /**
     * The answer from the containers' names.
     *
     * @return empty if the zones do not know the name
     */
    Optional<byte[]> answer(List<Zone> zones, int limit) {
        return question.getType() == Type.PTR ? reverse(zones, limit) : forward(zones, limit);
    }

    private Optional<byte[]> forward(List<Zone> zones, int limit) {
        var name = question.getName().toString(true).toLowerCase(Locale.ROOT);
        var type = question.getType();
        for (var zone : zones) {
            if (zone.knows(name)) {
                var addresses = type == Type.A || type == Type.AAAA
                        ? zone.addresses(name, type == Type.AAAA).orElse(List.of())
                        : List.<InetAddress>of();
                var records = addresses.stream().map(this::record).toList();
                return Optional.of(answer(Rcode.NOERROR, records, true, limit));
            }
        }
        return Optional.empty();
    }

    private Record record(InetAddress address) {
        return question.getType() == Type.AAAA
                ? new AAAARecord(question.getName(), DClass.IN, TTL, address)
                : new ARecord(question.getName(), DClass.IN, TTL, address);
    }

    private Optional<byte[]> reverse(List<Zone> zones, int limit) {
        InetAddress address;
        try {
            address = ReverseMap.fromName(question.getName());
        } catch (UnknownHostException | RuntimeException e) {
            return Optional.empty(); // some other name of .arpa
        }
        for (var zone : zones) {
            var names = zone.names(address);
            if (!names.isEmpty()) {
                var records = names.stream()
                        .<Record>map(name -> new PTRRecord(question.getName(), DClass.IN, TTL, absolute(name)))
                        .toList();
                return Optional.of(answer(Rcode.NOERROR, records, true, limit));
            }
        }
        return Optional.empty();
    }

    private static Name absolute(String name) {
        try {
            return Name.fromString(name, Name.root);
        } catch (IOException e) {
            throw new IllegalStateException(e); // a zone's names were checked
        }
    }

    /** An answer without records, as {@link Rcode#SERVFAIL}. */
    byte[] answer(int rcode) {
        return answer(rcode, List.of(), false, LARGEST_ANSWER);
    }

    /** As many of the records as fit; the header says whether some are left out, and then the client asks over TCP. */
    private byte[] answer(int rcode, List<? extends Record> records, boolean ours, int limit) {
        var kept = records.size();
        var wire = encode(rcode, records, ours);
        while (wire.length > limit) {
            kept = Math.min(kept - 1, (int) ((long) kept * limit / wire.length));
            wire = encode(rcode, records.subList(0, kept), ours);
            wire[2] |= 2; // TC
        }
        return wire;
    }

    private byte[] encode(int rcode, List<? extends Record> records, boolean ours) {
        var answer = new Message(header.getID());
        var flags = answer.getHeader();
        flags.setFlag(Flags.QR);
        flags.setFlag(Flags.RA);
        copyFlag(flags, Flags.RD);
        copyFlag(flags, Flags.CD);
        if (ours) {
            flags.setFlag(Flags.AA);
        }
        flags.setRcode(rcode & 0xf);
        answer.addRecord(question, Section.QUESTION);
        records.forEach(record -> answer.addRecord(record, Section.ANSWER));
        if (options != null) {
            answer.addRecord(new OPTRecord(EDNS_SIZE, rcode >> 4, 0), Section.ADDITIONAL);
        }
        return answer.toWire();
    }

    private void copyFlag(Header to, int flag) {
        if (header.getFlag(flag)) {
            to.setFlag(flag);
        }
    }

    /**
     * The same question as we ask it: nothing of the container's message but the question, the flags that change the answer, and
     * that EDNS is understood.
     */
    byte[] question(int id) {
        var message = new Message(id);
        copyFlag(message.getHeader(), Flags.RD);
        copyFlag(message.getHeader(), Flags.CD);
        copyFlag(message.getHeader(), Flags.AD);
        message.addRecord(question, Section.QUESTION);
        if (options != null) {
            message.addRecord(
                    new OPTRecord(Math.min(EDNS_SIZE, limit()), 0, 0, options.getFlags() & ExtendedFlags.DO),
                    Section.ADDITIONAL);
        }
        return message.toWire();
    }

    /** What a server's message is to a question of ours. */
    enum Match {
        /** Not an answer to it. */
        NONE,
        /** The server cannot or does not want to. */
        FAILURE,
        ANSWER
    }

    /** @see <a href="https://www.rfc-editor.org/rfc/rfc5452#section-9.1">RFC 5452, 9.1: Query Matching Rules</a> */
    Match match(byte[] message, int id) {
        if (message.length < HEADER
                || ((message[0] & 0xff) << 8 | message[1] & 0xff) != id
                || (message[2] & 0xf8) != 0x80) {
            return Match.NONE;
        }
        var rcode = message[3] & 0xf;
        try {
            var in = new DNSInput(message);
            in.jump(4);
            var questions = in.readU16();
            in.jump(HEADER);
            if (questions == 0 && rcode != Rcode.NOERROR) {
                return Match.FAILURE;
            }
            if (questions != 1
                    || !new Name(in).equals(question.getName())
                    || in.readU16() != question.getType()
                    || in.readU16() != question.getDClass()) {
                return Match.NONE;
            }
        } catch (IOException | RuntimeException e) {
            return Match.NONE;
        }
        return rcode == Rcode.NOERROR || rcode == Rcode.NXDOMAIN || rcode == Rcode.FORMERR
                ? Match.ANSWER
                : Match.FAILURE;
    }

    /** A server's answer as the container gets it. */
    byte[] relayed(byte[] answer, int limit) {
        if (answer.length > limit) {
            return truncated();
        }
        answer[0] = (byte) (header.getID() >> 8);
        answer[1] = (byte) header.getID();
        answer[3] |= (byte) 0x80; // RA: whatever the server says, we do
        return answer;
    }

    private byte[] truncated() {
        var answer = answer(Rcode.NOERROR);
        answer[2] |= 2; // TC
        return answer;
    }

    /** Reads and writes messages of each kind once: the first take some 200 ms, since their classes have to be loaded. */
    static void warmUp() {
        var name = Name.fromConstantString("a.");
        for (var type : List.of(Type.A, Type.AAAA, Type.PTR)) {
            var asked = Message.newQuery(Record.newRecord(name, type, DClass.IN));
            asked.addRecord(new OPTRecord(EDNS_SIZE, 0, 0), Section.ADDITIONAL);
            var zone = Zone.of(List.of(new ZoneEntry(List.of("a"), List.of(InetAddress.getLoopbackAddress()))));
            parse(asked.toWire(), refused -> {}).ifPresent(query -> {
                query.answer(List.of(zone), SMALLEST_LIMIT);
                query.match(query.question(1), 1);
            });
        }
    }
}
