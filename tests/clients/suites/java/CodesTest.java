import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Run with {@code javac -d out *.java && java -cp out CodesTest}. Every test has an account of its own on the
 * simulator, with a clock that stands. Under JUnit, {@code open} is a {@code @BeforeEach} and {@code close} an
 * {@code @AfterEach}; {@code main} and the annotation go.
 */
final class CodesTest {
  @Retention(RetentionPolicy.RUNTIME)
  @interface Test {}

  private static final HttpClient PLAIN = HttpClient.newHttpClient();

  private String account;
  private Codes codes;

  @Test
  void aCodeArrivesAlthoughThePlatformIsBusyAtFirst() throws Exception {
    admin("POST", of("/rules"), "{'match': {'to': '852*'}, 'reply': [{'code': 'Busy', 'times': 1}, {'code': 'OK'}]}");
    String uid = codes.send("67123411", "123456");

    String messages = admin("POST", of("/messages/wait"), "{'match': 'to:85267123411', 'timeout': '5s'}");
    assertEquals(uid, field("uid", messages));
    assertEquals("Your code is 123456", field("text", messages));

    admin("POST", of("/clock/advance"), "{'by': '3s'}");
    String reports = admin("POST", of("/reports/wait"), "{'match': 'uid:" + uid + "', 'timeout': '5s'}");
    assertEquals("DELIVERED", field("state_name", reports));
    assertEquals("999.95", field("amount", admin("GET", "/accounts/" + account, null)));
  }

  @Test
  void aPhoneThatIsOffFor25HoursNeverGetsItsCode() throws Exception {
    admin("POST", of("/rules"), "{'match': {'to': '852*'}, 'report': [{'none': true}]}");
    String uid = codes.send("67123411", "123456");
    String clock = admin("POST", of("/clock/advance"), "{'by': '25h'}");
    assertEquals(uid, field("uid", clock));
    assertEquals("EXPIRED", field("state_name", clock));
  }

  @Test
  void aRefusalIsAnError() throws Exception {
    admin("POST", of("/rules"), "{'match': {'to': '852*'}, 'reply': 'Intercept'}");
    try {
      codes.send("67123411", "123456");
    } catch (IOException refused) {
      assertEquals("Intercept (268435462)", refused.getMessage());
      return;
    }
    throw new AssertionError("nothing was thrown");
  }

  void open() throws Exception {
    String made = admin("POST", "/accounts", "{'clock': 'frozen', 'routes': ['VerifyCode_516']}");
    account = field("name", made);
    URI url = URI.create(field("platform", admin("GET", "/info", null).replaceFirst(".*\"urls\"", "")));
    String authority = field("ca_pem", admin("GET", "/certs", null)).replace("\\n", "\n");
    codes = new Codes(trusting(authority), url, field("auth_key", made), "VerifyCode_516");
  }

  void close() throws Exception {
    if (account != null) {
      admin("DELETE", "/accounts/" + account, null);
    }
  }

  public static void main(String[] arguments) throws Exception {
    int failed = 0;
    for (Method method : CodesTest.class.getDeclaredMethods()) {
      if (method.isAnnotationPresent(Test.class)) {
        CodesTest test = new CodesTest();
        try {
          test.open();
          method.invoke(test);
          System.out.println("ok - " + method.getName());
        } catch (InvocationTargetException | IOException error) {
          failed++;
          Throwable cause = error.getCause() == null ? error : error.getCause();
          System.out.println("not ok - " + method.getName() + ": " + cause);
        } finally {
          test.close();
        }
      }
    }
    System.exit(failed == 0 ? 0 : 1);
  }

  private String of(String path) {
    return path + "?account=" + account;
  }

  /** Calls the admin API; apostrophes stand for quotation marks. */
  private static String admin(String method, String path, String body) throws IOException, InterruptedException {
    String base = System.getenv().getOrDefault("CLOUDSMS_SIM_ADMIN_URL", "http://127.0.0.1:61816");
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + "/api/v1" + path))
            .timeout(Duration.ofSeconds(20))
            .header("Content-Type", "application/json")
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body.replace('\'', '"')));
    String token = System.getenv("CLOUDSMS_SIM_ADMIN_TOKEN");
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    HttpResponse<String> response = PLAIN.send(request.build(), BodyHandlers.ofString());
    if (response.statusCode() >= 300) {
      throw new IOException(method + " " + path + ": " + response.statusCode() + " " + response.body());
    }
    return response.body();
  }

  /** The first text of that name in some JSON, escapes as they are. */
  private static String field(String name, String json) {
    Matcher matcher = Pattern.compile("\"" + name + "\":\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
    if (!matcher.find()) {
      throw new AssertionError("there is no " + name + " in " + json);
    }
    return matcher.group(1);
  }

  private static HttpClient trusting(String authority) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    ByteArrayInputStream pem = new ByteArrayInputStream(authority.getBytes("US-ASCII"));
    store.setCertificateEntry("cloudsms", CertificateFactory.getInstance("X.509").generateCertificate(pem));
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return HttpClient.newBuilder().sslContext(context).build();
  }

  private static void assertEquals(Object wanted, Object got) {
    if (!wanted.equals(got)) {
      throw new AssertionError("got " + got + ", want " + wanted);
    }
  }
}
