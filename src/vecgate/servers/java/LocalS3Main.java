import com.robothy.s3.rest.LocalS3;
import com.robothy.s3.rest.bootstrap.LocalS3Mode;

/** Starts local-s3, which has no main of its own. Argument: the port. */
public final class LocalS3Main {
    public static void main(String[] arguments) {
        LocalS3.builder()
                .port(Integer.parseInt(arguments[0]))
                .mode(LocalS3Mode.IN_MEMORY)
                .build()
                .start();
    }
}
