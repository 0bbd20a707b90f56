package io.debezium.connector.postgresql.connection;

import java.util.Optional;

/**
 * Where a restarted connector goes on: at the begin of the transaction that it was in the middle of.
 *
 * <p>Debezium's own class of this name spares the reader changes that had been sent before: it looks for the position of the last one
 * and goes on behind it. But rows that one {@code COPY} wrote to one page share a position, so the rest of the page was skipped, too: of
 * two million copied rows, five restarts of the task lost 232, and nobody was told. Postgres sends every transaction whole that was not
 * over at the stored position; sent twice, in the same order, a change does no harm here, because the newest change of a key counts.
 *
 * @see <a href="https://www.postgresql.org/docs/17/protocol-replication.html">START_REPLICATION SLOT .. LOGICAL</a>
 */
public class WalPositionLocator {
  private final Lsn lastCommitStoredLsn;
  private final Lsn lastEventStoredLsn;

  /** Of a connector that has stored positions. */
  public WalPositionLocator(Lsn lastCommitStoredLsn, Lsn lastEventStoredLsn, ReplicationMessage.Operation lastProcessed) {
    this.lastCommitStoredLsn = lastCommitStoredLsn;
    this.lastEventStoredLsn = lastEventStoredLsn;
  }

  /** Of one that has none. */
  public WalPositionLocator() {
    this(null, null, null);
  }

  /** There is nothing to look for. */
  public boolean searchingEnabled() {
    return false;
  }

  /** Nobody asks, because of {@link #searchingEnabled}. */
  public Optional<Lsn> resumeFromLsn(Lsn current, ReplicationMessage message) {
    return Optional.of(current);
  }

  /** Nothing is skipped. */
  public boolean skipMessage(Lsn lsn) {
    return false;
  }

  /** Nothing is skipped after this either. */
  public void enableFiltering() {}

  /** Position of the last change that was sent. */
  public Lsn getLastEventStoredLsn() {
    return lastEventStoredLsn;
  }

  /** Position of the last transaction that was sent as a whole. */
  public Lsn getLastCommitStoredLsn() {
    return lastCommitStoredLsn;
  }
}
