import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;

/** The image's health check, which has no shell or curl: ends with 0 if the service here says that it is ready. */
final class Health {
    private Health() {}

    public static void main(String[] arguments) throws IOException {
        var port = System.getenv().getOrDefault("SERVER_PORT", "8080");
        var url = URI.create("http://127.0.0.1:" + port + "/actuator/health/readiness").toURL();
        var connection = (HttpURLConnection) url.openConnection();
        connection.setConnectTimeout(2_000);
        connection.setReadTimeout(2_000);
        System.exit(connection.getResponseCode() == 200 ? 0 : 1);
    }
}
