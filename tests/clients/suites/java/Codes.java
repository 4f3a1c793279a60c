import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Verification codes by SMS: the code under test. A JSON library would read the answer better than these patterns. */
final class Codes {
  private static final int BUSY = 3;
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss");
  private static final Pattern RESULT = Pattern.compile("\"RESULT_CODE\":\\s*(\\d+),\\s*\"RESULT_DESC\":\\s*\"(\\w+)\"");
  private static final Pattern UID = Pattern.compile("\"SMS_UID\":\\s*\"(\\w+)\"");

  private final HttpClient http;
  private final URI url;
  private final String authKey;
  private final String routeId;
  private int serial = 0;

  Codes(HttpClient http, URI url, String authKey, String routeId) {
    this.http = http;
    this.url = url;
    this.authKey = authKey;
    this.routeId = routeId;
  }

  /** The SMS_UID of the message. A platform that is busy is asked again; anything else it refuses is an error. */
  String send(String number, String code) throws IOException, InterruptedException {
    for (int attempt = 1; attempt <= 3; attempt++) {
      String answer = post(packet(number, code));
      Matcher result = found(RESULT, answer);
      int resultCode = Integer.parseInt(result.group(1));
      if (resultCode == 1) {
        return found(UID, answer).group(1);
      }
      if (resultCode != BUSY) {
        throw new IOException(result.group(2) + " (" + resultCode + ")");
      }
    }
    throw new IOException("the platform stays busy");
  }

  private String packet(String number, String code) {
    serial = serial % 65535 + 1;
    return String.format(
        """
        {"METHOD": "SMS_SEND_REQUEST", "TYPE": "REQUEST", "SERIAL": %d, "TIME": "%s", "VERSION": "2021-01-01",
         "AUTH_KEY": "%s", "ROUTE_ID": "%s", "SMS_CONTENT": "Your code is %s", "CUSTOMER_BODY": {"code": "%s"},
         "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "%s"}]}""",
        serial, TIME.format(LocalDateTime.now(ZoneOffset.ofHours(8))), authKey, routeId, code, code, number);
  }

  private String post(String packet) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .header("Content-Type", "application/json")
            .timeout(Duration.ofSeconds(10))
            .POST(BodyPublishers.ofString(packet))
            .build();
    return http.send(request, BodyHandlers.ofString()).body();
  }

  private static Matcher found(Pattern pattern, String answer) throws IOException {
    Matcher matcher = pattern.matcher(answer);
    if (!matcher.find()) {
      throw new IOException("cannot read the answer: " + answer);
    }
    return matcher;
  }
}
