package pipectl;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.apache.kafka.connect.health.AbstractState;
import org.apache.kafka.connect.health.ConnectClusterState;
import org.apache.kafka.connect.health.ConnectorHealth;
import org.apache.kafka.connect.rest.ConnectRestExtension;
import org.apache.kafka.connect.rest.ConnectRestExtensionContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Restarts what has failed. Connect itself leaves a failed task as it is until somebody asks for a restart, while it calls the connector
 * RUNNING; a broker that refused one message, or a database that was away at the wrong moment, then stops the flow for good.
 *
 * <p>A thread of the worker looks at its own states and asks its own REST interface for what {@code POST
 * /connectors/NAME/restart?onlyFailed=true} does: parts that run, and connectors that were paused or stopped, are left alone. {@code GET
 * /restarts} tells what it has done, by connector.
 */
public final class Restarts implements ConnectRestExtension {
  private static final Logger LOG = LoggerFactory.getLogger(Restarts.class);
  private static final long LOOK_MS = 500;
  private static final int PATIENCE_MS = 90_000;
  /** States in which somebody wants a connector not to run. */
  private static final Set<String> AT_REST = Set.of("PAUSED", "STOPPED");

  private final Map<String, BackOff> connectors = new ConcurrentHashMap<>();
  private String address;
  private Thread thread;

  @Override
  public void configure(Map<String, ?> worker) {
    address = "http://127.0.0.1:" + worker.get("rest.advertised.port");
  }

  @Override
  public void register(ConnectRestExtensionContext context) {
    context.configurable().register(new Told());
    ConnectClusterState cluster = context.clusterState();
    thread = new Thread(() -> watch(cluster), "pipectl-restarts");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() {
    if (thread != null) {
      thread.interrupt();
    }
  }

  @Override
  public String version() {
    return "1";
  }

  private void watch(ConnectClusterState cluster) {
    try {
      while (true) {
        Thread.sleep(LOOK_MS);
        try {
          look(cluster);
        } catch (RuntimeException notNow) {
          // The worker starts, has lost its broker, or the connector is gone by now.
          LOG.debug("The states of the connectors are not known", notNow);
        }
      }
    } catch (InterruptedException end) {
      LOG.debug("The worker stops");
    }
  }

  private void look(ConnectClusterState cluster) {
    Collection<String> names = cluster.connectors();
    connectors.keySet().retainAll(names);
    for (String name : names) {
      ConnectorHealth health = cluster.connectorHealth(name);
      if (AT_REST.contains(health.connectorState().state())) {
        connectors.remove(name);
        continue;
      }
      BackOff backOff = connectors.computeIfAbsent(name, any -> new BackOff());
      if (parts(health).allMatch(part -> part.state().equals("RUNNING"))) {
        backOff.runs(now());
      } else if (backOff.isDue(trace(health), now())) {
        restart(name);
      }
    }
  }

  private static Stream<AbstractState> parts(ConnectorHealth health) {
    return Stream.concat(Stream.of(health.connectorState()), health.tasksState().values().stream());
  }

  /** The trace of the first failed part; nothing where none has failed. */
  private static String trace(ConnectorHealth health) {
    return parts(health)
        .filter(part -> part.state().equals("FAILED"))
        .map(part -> part.traceMessage() == null ? "" : part.traceMessage())
        .findFirst()
        .orElse(null);
  }

  /** Where this is refused, as while the workers agree on who does what, the part stays failed and its turn comes again. */
  private void restart(String name) {
    String path = "/connectors/" + URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
    try {
      URI asked = URI.create(address + path + "/restart?includeTasks=true&onlyFailed=true");
      HttpURLConnection connection = (HttpURLConnection) asked.toURL().openConnection();
      connection.setRequestMethod("POST");
      connection.setConnectTimeout(PATIENCE_MS);
      connection.setReadTimeout(PATIENCE_MS);
      LOG.info("Restart of the failed parts of connector {}: {}", name, connection.getResponseCode());
      connection.disconnect();
    } catch (IOException refused) {
      LOG.warn("Failed parts of connector {} could not be restarted", name, refused);
    }
  }

  private static long now() {
    return System.nanoTime() / 1_000_000;
  }

  /** {@code GET /restarts}: by connector, only of those that have failed lately. */
  @Path("/restarts")
  @Produces(MediaType.APPLICATION_JSON)
  public final class Told {
    @GET
    public Map<String, Object> told() {
      Map<String, Object> all = new TreeMap<>();
      connectors.forEach(
          (name, backOff) -> {
            Map<String, Object> told = backOff.told(now());
            if (told != null) {
              all.put(name, told);
            }
          });
      return all;
    }
  }
}
