import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Send one SMS with java.net.http, in the two ways the document's sample goes wrong and in the right one.
 *
 * <p>Usage: java Client.java TEXT. Prints the platform's three answers, one line of JSON each. The certificates are
 * PKCS#12 files: CLOUDSMS_KEYSTORE (the customer's certificate and key), CLOUDSMS_TRUSTSTORE (the authority) and
 * CLOUDSMS_STORE_PASSWORD.
 */
public class Client {
    public static void main(String[] arguments) throws Exception {
        HttpClient http = HttpClient.newBuilder().sslContext(twoWayTls()).connectTimeout(Duration.ofSeconds(10)).build();
        String destination = "{\"DEST_MSISDN\": \"67123411\", \"COUNTRY_CODE\": 852}";

        // The sample builds its packet and then posts an entity made of headers alone: 0x04, an empty body.
        System.out.println(post(http, ""));
        // It also puts the one destination where a list of them belongs: 0x10000001.
        System.out.println(post(http, packet(arguments[0], destination)));
        System.out.println(post(http, packet(arguments[0], "[" + destination + "]")));
    }

    static String post(HttpClient http, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("CLOUDSMS_URL")))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(10))
                .POST(BodyPublishers.ofString(body))
                .build();
        return http.send(request, BodyHandlers.ofString()).body();
    }

    static String packet(String text, String destinations) {
        String now = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss"));
        return """
                {
                  "METHOD": "SMS_SEND_REQUEST",
                  "TYPE": "REQUEST",
                  "SERIAL": 1,
                  "TIME": "%s",
                  "AUTH_KEY": "%s",
                  "ROUTE_ID": "%s",
                  "MULTI_MSISDN_LIST": %s,
                  "SMS_CONTENT": "%s",
                  "ORIGINAL_ADDR": "CloudSMS",
                  "PRIORITY": 0,
                  "SIGNATURE": "CloudSMS",
                  "SIGNATURE_TYPE": 3,
                  "VERSION": "2021-01-01",
                  "CUSTOMER_BODY": {"order": "java-1001"}
                }
                """.formatted(now, System.getenv("CLOUDSMS_AUTH_KEY"), System.getenv("CLOUDSMS_ROUTE_ID"), destinations,
                        escaped(text));
    }

    /** Enough for text on one line; a JSON library is the better choice where there is one. */
    static String escaped(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }

    static SSLContext twoWayTls() throws Exception {
        char[] password = System.getenv("CLOUDSMS_STORE_PASSWORD").toCharArray();
        KeyManagerFactory mine = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        mine.init(store(System.getenv("CLOUDSMS_KEYSTORE"), password), password);
        TrustManagerFactory trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(store(System.getenv("CLOUDSMS_TRUSTSTORE"), password));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(mine.getKeyManagers(), trusted.getTrustManagers(), null);
        return context;
    }

    static KeyStore store(String path, char[] password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(Path.of(path))) {
            store.load(file, password);
        }
        return store;
    }
}
