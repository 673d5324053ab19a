package dev.cais.runtime.ssh;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.List;

/** An agent in this process. */
record KeyAgent(List<SshKey> keys) implements SshAgent {
    KeyAgent {
        keys = List.copyOf(keys);
    }

    @Override
    public Talk talk() {
        return new Talk() {
            @Override
            public byte[] answer(byte[] question) {
                try {
                    return question[0] == Messages.SIGN_REQUEST
                            ? signature(ByteBuffer.wrap(question, 1, question.length - 1))
                            : identities();
                } catch (IllegalArgumentException | GeneralSecurityException e) {
                    return Messages.failure(); // whoever asked hears no reason, by the protocol
                }
            }

            @Override
            public void close() {
                // nothing is held
            }
        };
    }

    private byte[] identities() {
        var answer = new Fields().kind(Messages.IDENTITIES_ANSWER).number(keys.size());
        keys.forEach(key -> answer.put(key.publicKey()).put(key.comment()));
        return answer.bytes();
    }

    private byte[] signature(ByteBuffer question) throws GeneralSecurityException {
        var wanted = Fields.string(question);
        var content = Fields.string(question);
        var flags = Fields.number(question);
        for (var key : keys) {
            if (Arrays.equals(key.publicKey(), wanted)) {
                return new Fields()
                        .kind(Messages.SIGN_RESPONSE)
                        .put(key.sign(content, flags))
                        .bytes();
            }
        }
        return Messages.failure();
    }
}
