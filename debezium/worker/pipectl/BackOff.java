package pipectl;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * When the failed parts of one connector are restarted: after 3 s, then after twice as long each time, up to a minute, for ever. Who has
 * run for a minute without a failure begins anew.
 *
 * <p>What no restart mends is left as it is. That costs no data either way: before a task streams, Debezium compares its position with the
 * slot's and refuses where changes between the two are gone. But it would hide what somebody has to decide.
 */
final class BackOff {
  private static final long FIRST_MS = 3_000;
  private static final long LONGEST_MS = 60_000;
  private static final long STEADY_MS = 60_000;
  /** The status that is read may still be that of before the restart. */
  private static final long SETTLE_MS = 2_000;

  /**
   * Words of failures that a restart meets again. The first four are the ends of a slot, as in {@code Repair::named_in} of pipectl; the
   * last is a value in the log that Debezium cannot convert: each restart would send the rows of its transaction again.
   */
  private static final List<String> LASTING =
      List.of(
          "no longer available",
          "can no longer get changes",
          "can no longer access replication slot",
          "invalidated",
          "Failed to properly convert data value");

  private int restarts;
  private Long restartedAt;
  private Long dueAt;
  private Long steadySince;
  private boolean lasting;
  private String reason;

  /** Every part runs. */
  synchronized void runs(long now) {
    dueAt = null;
    lasting = false;
    steadySince = steadySince == null ? Long.valueOf(now) : steadySince;
    if (now - steadySince >= STEADY_MS) {
      restarts = 0;
      restartedAt = null;
      reason = null;
    }
  }

  /** A part does not run: the trace of one that has failed, or none; true when what has failed is to be restarted now. */
  synchronized boolean isDue(String trace, long now) {
    steadySince = null;
    if (trace == null || restartedAt != null && now - restartedAt < SETTLE_MS) {
      return false;
    }
    reason = innermost(trace);
    lasting = LASTING.stream().anyMatch(trace::contains);
    if (lasting) {
      dueAt = null;
      return false;
    }
    if (dueAt == null) {
      dueAt = now + pause();
    }
    if (now < dueAt) {
      return false;
    }
    dueAt = null;
    restartedAt = now;
    restarts++;
    return true;
  }

  /** What `pipectl status` tells of it; nothing where nothing has failed lately. */
  synchronized Map<String, Object> told(long now) {
    if (restarts == 0 && dueAt == null && !lasting) {
      return null;
    }
    Map<String, Object> told = new LinkedHashMap<>();
    told.put("restarts", restarts);
    told.put("last_ms_ago", restartedAt == null ? null : now - restartedAt);
    told.put("next_in_ms", dueAt == null ? null : Math.max(0, dueAt - now));
    told.put("lasting", lasting);
    told.put("reason", reason);
    return told;
  }

  private long pause() {
    return Math.min(LONGEST_MS, FIRST_MS << Math.min(restarts, 10));
  }

  /** The innermost cause, in one line. */
  private static String innermost(String trace) {
    String found = "";
    for (String line : trace.split("\n")) {
      if (found.isEmpty() || line.startsWith("Caused by: ")) {
        found = line.strip();
      }
    }
    return found.length() > 500 ? found.substring(0, 500) : found;
  }
}
