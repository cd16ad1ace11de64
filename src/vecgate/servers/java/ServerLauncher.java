import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Runs a server beside the process that started this one. Arguments: the main class and its arguments, in
 * which {port} is the port of S3 Vectors and each {free} is another free port.
 *
 * Prints one line when S3 Vectors answers. Ends when stdin closes, which the system does when the parent ends.
 */
public final class ServerLauncher {
    private static final String READY = "vecgate server ready on ";
    private static final long STOP_MS = 5_000;
    private static final int ANSWER_MS = 5_000;
    private static final long POLL_MS = 50;

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        PrintStream err = System.err;
        // Frameworks log to stdout, which has the ready line only.
        String log = System.getProperty("vecgate.log");
        PrintStream sink = log == null ? new PrintStream(OutputStream.nullOutputStream()) : new PrintStream(log);
        System.setOut(sink);
        System.setErr(sink);
        Runtime.getRuntime().addShutdownHook(new Thread(ServerLauncher::stop));
        startDaemon(ServerLauncher::exitAtEndOfStdin);
        try {
            int port = run(arguments);
            out.println(READY + "http://127.0.0.1:" + port);
            out.flush();
        } catch (Throwable error) {
            Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
            err.println(cause);
            err.flush();
            System.exit(1);
        }
    }

    private static int run(String[] arguments) throws Exception {
        List<String> passed = new ArrayList<>();
        List<ServerSocket> reserved = new ArrayList<>();
        int port = reserve(reserved);
        for (int each = 1; each < arguments.length; each++) {
            String argument = arguments[each].replace("{port}", Integer.toString(port));
            passed.add(
                    argument.contains("{free}")
                            ? argument.replace("{free}", Integer.toString(reserve(reserved)))
                            : argument);
        }
        for (ServerSocket socket : reserved) {
            socket.close();
        }
        Class.forName(arguments[0])
                .getMethod("main", String[].class)
                .invoke(null, (Object) passed.toArray(String[]::new));
        while (!answers(port)) {
            Thread.sleep(POLL_MS);
        }
        return port;
    }

    private static int reserve(List<ServerSocket> reserved) throws IOException {
        ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        reserved.add(socket);
        return socket.getLocalPort();
    }

    private static boolean answers(int port) {
        try {
            URI uri = URI.create("http://127.0.0.1:" + port + "/ListVectorBuckets");
            HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
            connection.setConnectTimeout(ANSWER_MS);
            connection.setReadTimeout(ANSWER_MS);
            connection.setRequestMethod("POST");
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setDoOutput(true);
            try (OutputStream body = connection.getOutputStream()) {
                body.write("{}".getBytes(StandardCharsets.UTF_8));
            }
            return connection.getResponseCode() == HttpURLConnection.HTTP_OK;
        } catch (IOException error) {
            return false;
        }
    }

    private static void exitAtEndOfStdin() {
        try {
            while (System.in.read() >= 0) {
                continue;
            }
        } catch (IOException error) {
            // As good as the end.
        }
        System.exit(0);
    }

    /** Makes sure that the end comes soon, and removes temporary files: a parent that was killed cannot. */
    private static void stop() {
        startDaemon(ServerLauncher::haltAfterStop);
        String scratch = System.getProperty("vecgate.scratch");
        if (scratch == null) {
            return;
        }
        try (Stream<Path> found = Files.walk(Path.of(scratch))) {
            found.sorted(Comparator.reverseOrder()).forEach(each -> each.toFile().delete());
        } catch (IOException | UncheckedIOException error) {
            // The parent tries, too.
        }
    }

    private static void haltAfterStop() {
        try {
            Thread.sleep(STOP_MS);
        } catch (InterruptedException error) {
            // Halt now.
        }
        Runtime.getRuntime().halt(0);
    }

    private static void startDaemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
    }
}
