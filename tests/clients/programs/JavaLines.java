import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.document.Document;
import software.amazon.awssdk.core.protocol.MarshallingType;
import software.amazon.awssdk.core.traits.ListTrait;
import software.amazon.awssdk.core.traits.MapTrait;
import software.amazon.awssdk.core.util.SdkAutoConstructList;
import software.amazon.awssdk.core.util.SdkAutoConstructMap;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.s3vectors.S3VectorsClient;
import software.amazon.awssdk.services.s3vectors.S3VectorsClientBuilder;
import software.amazon.awssdk.services.s3vectors.model.S3VectorsException;
import software.amazon.awssdk.services.s3vectors.model.S3VectorsRequest;
import software.amazon.awssdk.services.s3vectors.model.ValidationException;
import software.amazon.awssdk.services.s3vectors.model.ValidationExceptionField;
import software.amazon.awssdk.utils.builder.Buildable;

/**
 * The AWS SDK for Java v2 as a program: reads JSON lines from stdin and answers each with one. The first line it
 * prints describes it. With the arguments `http2 URL BODY` it posts BODY with Java's own HTTP client, which
 * offers HTTP/2, and prints status and body.
 */
final class JavaLines {
  private static final String MODEL = S3VectorsRequest.class.getPackageName() + ".";

  public static void main(String[] arguments) throws Exception {
    if (arguments.length == 3) {
      printLine(postWithHttp2(arguments[1], arguments[2]));
      return;
    }
    S3VectorsClient client = open(null);
    Map<String, Object> first = new LinkedHashMap<>();
    first.put("version", VersionInfo.SDK_VERSION);
    first.put("operations", operations());
    printLine(first);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      printLine(answer(client, JsonNode.parser().parse(line)));
    }
  }

  private static Map<String, Object> postWithHttp2(String url, String body) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(url))
        .POST(HttpRequest.BodyPublishers.ofString(body)).build();
    HttpResponse<String> response = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build()
        .send(request, HttpResponse.BodyHandlers.ofString());
    return Map.of("status", response.statusCode(), "body", response.body());
  }

  private static List<String> operations() {
    List<String> names = new ArrayList<>();
    for (Method method : S3VectorsClient.class.getMethods()) {
      Class<?>[] types = method.getParameterTypes();
      if (types.length == 1 && S3VectorsRequest.class.isAssignableFrom(types[0])
          && !method.getName().endsWith("Paginator")) {
        names.add(types[0].getSimpleName().replaceAll("Request$", ""));
      }
    }
    return names;
  }

  private static S3VectorsClient open(JsonNode keys) {
    S3VectorsClientBuilder builder = S3VectorsClient.builder()
        .overrideConfiguration(override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()));
    if (keys != null) {
      builder.credentialsProvider(StaticCredentialsProvider.create(credentials(keys.asObject())));
    }
    return builder.build();
  }

  private static AwsCredentials credentials(Map<String, JsonNode> keys) {
    String access = keys.get("access_key").asString();
    String secret = keys.get("secret_key").asString();
    String token = keys.get("session_token").asString();
    return token.isEmpty() ? AwsBasicCredentials.create(access, secret)
        : AwsSessionCredentials.create(access, secret, token);
  }

  private static Map<String, Object> answer(S3VectorsClient shared, JsonNode line) throws Exception {
    Map<String, JsonNode> request = line.asObject();
    JsonNode settings = request.get("settings");
    S3VectorsClient client = settings == null ? shared : open(settings.asObject().get("keys"));
    boolean isPaged = request.containsKey("isPaged");
    try {
      return Map.of("response",
          call(client, request.get("operation").asString(), request.get("arguments"), isPaged));
    } catch (InvocationTargetException | S3VectorsException error) {
      Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
      if (cause instanceof S3VectorsException) {
        return Map.of("error", describe((S3VectorsException) cause));
      }
      throw error;
    } finally {
      if (settings != null) {
        client.close();
      }
    }
  }

  private static Object call(S3VectorsClient client, String operation, JsonNode input, boolean isPaged)
      throws Exception {
    Class<?> type = Class.forName(MODEL + operation + "Request");
    SdkPojo builder = (SdkPojo) type.getMethod("builder").invoke(null);
    Object request = build(builder, input);
    String name = Character.toLowerCase(operation.charAt(0)) + operation.substring(1);
    Method method = S3VectorsClient.class.getMethod(isPaged ? name + "Paginator" : name, type);
    Object response = method.invoke(client, request);
    if (!isPaged) {
      return plain(response);
    }
    List<Object> pages = new ArrayList<>();
    for (Object page : (Iterable<?>) response) {
      pages.add(plain(page));
    }
    return pages;
  }

  private static Object build(SdkPojo builder, JsonNode input) {
    Map<String, JsonNode> members = input.asObject();
    for (SdkField<?> field : builder.sdkFields()) {
      JsonNode value = members.get(field.locationName());
      if (value != null) {
        field.set(builder, value(field, value));
      }
    }
    return ((Buildable) builder).build();
  }

  private static Object value(SdkField<?> field, JsonNode node) {
    MarshallingType<?> type = field.marshallingType();
    if (type == MarshallingType.STRING) {
      return node.asString();
    } else if (type == MarshallingType.INTEGER) {
      return Integer.valueOf(node.asNumber());
    } else if (type == MarshallingType.FLOAT) {
      return Float.valueOf(node.asNumber());
    } else if (type == MarshallingType.BOOLEAN) {
      return node.asBoolean();
    } else if (type == MarshallingType.DOCUMENT) {
      return document(node);
    } else if (type == MarshallingType.SDK_POJO) {
      return build(field.constructor().get(), node);
    } else if (type == MarshallingType.LIST) {
      SdkField<?> member = field.getTrait(ListTrait.class).memberFieldInfo();
      List<Object> values = new ArrayList<>();
      node.asArray().forEach(each -> values.add(value(member, each)));
      return values;
    } else if (type == MarshallingType.MAP) {
      SdkField<?> member = field.getTrait(MapTrait.class).valueFieldInfo();
      Map<String, Object> values = new LinkedHashMap<>();
      node.asObject().forEach((name, each) -> values.put(name, value(member, each)));
      return values;
    }
    throw new IllegalArgumentException(field.memberName() + " has the type " + type);
  }

  private static Document document(JsonNode node) {
    if (node.isString()) {
      return Document.fromString(node.asString());
    } else if (node.isNumber()) {
      return Document.fromNumber(node.asNumber());
    } else if (node.isBoolean()) {
      return Document.fromBoolean(node.asBoolean());
    } else if (node.isNull()) {
      return Document.fromNull();
    } else if (node.isArray()) {
      return Document.fromList(node.asArray().stream().map(JavaLines::document).toList());
    }
    Map<String, Document> members = new LinkedHashMap<>();
    node.asObject().forEach((name, each) -> members.put(name, document(each)));
    return Document.fromMap(members);
  }

  /** Returns what the SDK returned as values for printLine, without members that are not set. */
  private static Object plain(Object value) {
    if (value instanceof SdkPojo) {
      Map<String, Object> members = new LinkedHashMap<>();
      for (SdkField<?> field : ((SdkPojo) value).sdkFields()) {
        Object member = field.getValueOrDefault(value);
        if (member != null && !(member instanceof SdkAutoConstructList)
            && !(member instanceof SdkAutoConstructMap)) {
          members.put(field.locationName(), plain(member));
        }
      }
      return members;
    } else if (value instanceof List) {
      return ((List<?>) value).stream().map(JavaLines::plain).toList();
    } else if (value instanceof Map) {
      Map<String, Object> members = new LinkedHashMap<>();
      ((Map<?, ?>) value).forEach((name, each) -> members.put((String) name, plain(each)));
      return members;
    }
    return value;
  }

  private static Map<String, Object> describe(S3VectorsException error) {
    List<Object> fields = new ArrayList<>();
    if (error instanceof ValidationException) {
      for (ValidationExceptionField field : ((ValidationException) error).fieldList()) {
        fields.add(Map.of("path", field.path(), "message", field.message()));
      }
    }
    return Map.of("code", error.awsErrorDetails().errorCode(), "message",
        error.awsErrorDetails().errorMessage(), "status", error.statusCode(), "fields", fields, "isTyped",
        error.getClass() != S3VectorsException.class);
  }

  private static void printLine(Object line) {
    JsonWriter writer = JsonWriter.create();
    write(writer, line);
    System.out.write(writer.getBytes(), 0, writer.getBytes().length);
    System.out.write('\n');
    System.out.flush();
  }

  private static void write(JsonWriter writer, Object value) {
    if (value instanceof Map) {
      writer.writeStartObject();
      ((Map<?, ?>) value).forEach((name, each) -> {
        writer.writeFieldName((String) name);
        write(writer, each);
      });
      writer.writeEndObject();
    } else if (value instanceof List) {
      writer.writeStartArray();
      ((List<?>) value).forEach(each -> write(writer, each));
      writer.writeEndArray();
    } else if (value instanceof Document) {
      write(writer, unwrapped((Document) value));
    } else if (value instanceof Boolean) {
      writer.writeValue((Boolean) value);
    } else if (value instanceof Instant) {
      writer.writeValue(((Instant) value).toEpochMilli() / 1000.0);
    } else if (value instanceof Float) {
      writer.writeValue((double) (Float) value);
    } else if (value instanceof Number) {
      writer.writeNumber(value.toString());
    } else if (value == null) {
      writer.writeNull();
    } else {
      writer.writeValue(value.toString());
    }
  }

  private static Object unwrapped(Document document) {
    if (document.isMap()) {
      return document.asMap();
    } else if (document.isList()) {
      return document.asList();
    } else if (document.isNumber()) {
      return document.asNumber().bigDecimalValue();
    } else if (document.isBoolean()) {
      return document.asBoolean();
    }
    return document.isNull() ? null : document.asString();
  }
}
