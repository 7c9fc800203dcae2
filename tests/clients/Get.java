// java.net.URLConnection, which takes its proxy from system properties.
import java.net.*;

class Get {
    public static void main(String[] args) throws Exception {
        System.out.write(new URL(args[0]).openStream().readAllBytes());
        System.out.flush();
    }
}
