package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpAnswerTest {
    private static HttpAnswer.Reading reading(String answer) {
        return new HttpAnswer.Reading(
                new ByteArrayInputStream(answer.getBytes(StandardCharsets.UTF_8)),
                System.nanoTime() + Duration.ofMinutes(1).toNanos());
    }

    private static HttpAnswer read(String answer) throws Exception {
        return reading(answer).answer(true);
    }

    @Test
    void aBodyEndsWhereItsLengthSays() throws Exception {
        assertThat(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"))
                .isEqualTo(new HttpAnswer(200, "hello"));
        assertThat(read("HTTP/1.0 200\nX: y\n\nto the end")).isEqualTo(new HttpAnswer(200, "to the end"));
        assertThat(read("HTTP/1.1 204 No Content\r\n\r\nnothing")).isEqualTo(new HttpAnswer(204, ""));
    }

    @Test
    void chunksArePutTogether() throws Exception {
        var chunks = "3;name=value\r\nall\r\n5 \r\n well\r\n0\r\n\r\n";
        assertThat(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n" + chunks))
                .isEqualTo(new HttpAnswer(200, "all well"));
    }

    @Test
    void interimAnswersArePassedOver() throws Exception {
        var interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        assertThat(read(interim + "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))
                .isEqualTo(new HttpAnswer(503, ""));
    }

    @Test
    void aBodyThatNobodyAskedForIsNotRead() throws Exception {
        assertThat(reading("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nx")
                        .answer(false))
                .isEqualTo(new HttpAnswer(200, ""));
    }

    @ParameterizedTest
    @CsvSource({
        "'', the connection was closed without an answer",
        "'HTTP/1.1 200 OK\r\nA: b\r\n', the answer ends early",
        "'SSH-2.0-x\r\n', 'no answer as HTTP/1.1 has it: ''SSH-2.0-x'''",
        "'HTTP/1.1 99 x\r\n', 'no answer as HTTP/1.1 has it: ''HTTP/1.1 99 x'''",
        "'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n', 'no length of a body: ''-5'''",
        "'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc', the answer ends early",
        "'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'no length of a chunk: ''xyz'''",
        "'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n', a chunk is longer than it says",
    })
    void whatIsBrokenIsNamed(String answer, String message) {
        assertThatThrownBy(() -> read(answer.replace("\\r", "\r").replace("\\n", "\n")))
                .isInstanceOf(HttpAnswer.FailedException.class)
                .hasMessage(message);
    }

    @Test
    void sizesAreBounded() {
        assertThatThrownBy(() -> read("HTTP/1.1 200 OK\r\n" + "A: b\r\n".repeat(20_000)))
                .isInstanceOf(HttpAnswer.FailedException.class)
                .hasMessage("the headers are larger than 64 KiB");
        assertThatThrownBy(() -> read("HTTP/1.1 200 OK\r\n\r\n" + "x".repeat(2_000_000)))
                .isInstanceOf(HttpAnswer.FailedException.class)
                .hasMessage("the body is larger than 1 MiB");
        assertThatThrownBy(() -> read("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)))
                .isInstanceOf(HttpAnswer.FailedException.class)
                .hasMessage("too many interim answers");
    }

    @Test
    void timeIsBounded() {
        var late = new HttpAnswer.Reading(
                new ByteArrayInputStream("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.UTF_8)),
                System.nanoTime() - 1);

        assertThatThrownBy(() -> late.answer(true))
                .isInstanceOf(HttpAnswer.FailedException.class)
                .hasMessage("no answer in time");
    }

    @Test
    void mutilatedAnswersAreReadOrRefused() {
        var random = new Random(7);
        var whole =
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                        .getBytes(StandardCharsets.UTF_8);
        for (var turn = 0; turn < 5000; turn++) {
            var mutilated = whole.clone();
            for (var change = 0; change <= turn % 4; change++) {
                mutilated[random.nextInt(mutilated.length)] = (byte) random.nextInt(256);
            }
            try {
                assertThat(new HttpAnswer.Reading(
                                        new ByteArrayInputStream(mutilated), System.nanoTime() + 60_000_000_000L)
                                .answer(true)
                                .status())
                        .isBetween(100, 999);
            } catch (HttpAnswer.FailedException e) {
                assertThat(e.getMessage()).isNotBlank();
            } catch (java.io.IOException e) {
                throw new AssertionError(e);
            }
        }
    }
}
