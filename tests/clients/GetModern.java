// java.net.http.HttpClient, which knows HTTP proxies only.
import java.net.*;
import java.net.http.*;

class GetModern {
    public static void main(String[] args) throws Exception {
        var proxy = ProxySelector.of(new InetSocketAddress(args[0], Integer.parseInt(args[1])));
        var answer = HttpClient.newBuilder().proxy(proxy).version(HttpClient.Version.HTTP_1_1).build()
            .send(HttpRequest.newBuilder(URI.create(args[2])).build(), HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() == 200 ? 0 : 1);
    }
}
