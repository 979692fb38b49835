import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import io.confluent.parallelconsumer.RecordContext;
import io.confluent.parallelconsumer.vertx.VertxParallelEoSStreamProcessor;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.client.HttpResponse;
import io.vertx.ext.web.client.WebClient;
import io.vertx.ext.web.client.WebClientOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Confluent's Parallel Consumer, order kept by key: {@code vertx} (asynchronous sends) or {@code core} (a thread an event).
 * What fails is given back and comes again, by the library's own retries.
 */
final class Peer {
    private static final int OPEN = Integer.parseInt(System.getenv("CONCURRENCY"));
    private static final String TOPIC = System.getenv("TOPIC");
    private static final URI TARGET = URI.create(System.getenv("URL"));
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "vertx" -> vertx();
            case "core" -> core();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void vertx() {
        Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(2));
        WebClient web = WebClient.create(vertx, new WebClientOptions().setMaxPoolSize(OPEN).setMaxWaitQueueSize(-1));
        var consumer = new VertxParallelEoSStreamProcessor<byte[], byte[]>(vertx, web, options());
        consumer.subscribe(List.of(TOPIC));
        consumer.vertxFuture(polled -> web.post(TARGET.getPort(), TARGET.getHost(), TARGET.getPath())
                .timeout(PATIENCE.toMillis())
                .putHeader("Content-Type", "application/json")
                .sendBuffer(Buffer.buffer(polled.getSingleConsumerRecord().value()))
                .compose(Peer::judged));
    }

    private static Future<HttpResponse<Buffer>> judged(HttpResponse<Buffer> answer) {
        return answer.statusCode() < 300
                ? Future.succeededFuture(answer)
                : Future.failedFuture("status " + answer.statusCode());
    }

    private static void core() {
        HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        ParallelStreamProcessor<byte[], byte[]> consumer = ParallelStreamProcessor.createEosStreamProcessor(options());
        consumer.subscribe(List.of(TOPIC));
        consumer.poll(polled -> send(http, polled.value()));
    }

    private static void send(HttpClient http, byte[] body) {
        HttpRequest request = HttpRequest.newBuilder(TARGET).timeout(PATIENCE).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body)).build();
        int status;
        try {
            status = http.send(request, java.net.http.HttpResponse.BodyHandlers.discarding()).statusCode();
        } catch (java.io.IOException | InterruptedException failure) {
            throw new IllegalStateException(failure);
        }
        if (status >= 300) {
            throw new IllegalStateException("status " + status);
        }
    }

    private static ParallelConsumerOptions<byte[], byte[]> options() {
        return ParallelConsumerOptions.<byte[], byte[]>builder()
                .ordering(ProcessingOrder.KEY)
                .maxConcurrency(OPEN)
                .commitInterval(Duration.ofSeconds(1))
                .consumer(consumer())
                .build();
    }

    private static Consumer<byte[], byte[]> consumer() {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", System.getenv("BOOTSTRAP"),
                "group.id", System.getenv("GROUP"),
                "auto.offset.reset", "earliest",
                "enable.auto.commit", false,
                "group.instance.id", "bench");
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
