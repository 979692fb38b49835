import org.apache.camel.LoggingLevel;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;

/**
 * Apache Camel: a consumer for each partition, and what fails is sent again in place until it succeeds, so that the
 * partition's order stays and nothing is given up. Its consumers cannot be static members: they would all have one name,
 * so a short session takes that place.
 */
final class Peer extends RouteBuilder {
    public static void main(String[] arguments) throws Exception {
        Main main = new Main();
        main.configure().addRoutesBuilder(new Peer());
        main.run(arguments);
    }

    @Override
    public void configure() {
        errorHandler(defaultErrorHandler().maximumRedeliveries(-1).redeliveryDelay(200).useExponentialBackOff()
                .backOffMultiplier(2).maximumRedeliveryDelay(5000).retryAttemptedLogLevel(LoggingLevel.TRACE));
        from("kafka:" + System.getenv("TOPIC") + "?brokers=" + System.getenv("BOOTSTRAP")
                + "&groupId=" + System.getenv("GROUP")
                + "&consumersCount=" + System.getenv("CONCURRENCY")
                + "&autoOffsetReset=earliest&autoCommitIntervalMs=1000&sessionTimeoutMs=6000&heartbeatIntervalMs=2000"
                + "&valueDeserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer")
                .removeHeaders("*")
                .setHeader("Content-Type", constant("application/json"))
                .to(System.getenv("URL") + "?httpMethod=POST&maxTotalConnections=64&connectionsPerRoute=64");
    }
}
