package pipectl;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LocalRelation;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.LogicalRDD;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.collection.immutable.Vector;
import scala.jdk.javaapi.CollectionConverters;

/**
 * An optimised plan over one column of texts that is computed in this JVM, batch after batch, without being planned again.
 *
 * <p>Spark's rule {@code ConvertToLocalRelation} computes projections and filters over rows that are here. Planning anew, or calling the
 * rule node by node from Python, costs many times what a few rows do.
 */
public final class PreparedPlan {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final LogicalPlan plan;

  private PreparedPlan(LogicalPlan plan) {
    this.plan = plan;
  }

  /** The plan, which reads its rows from a {@code LogicalRDD}; null if it needs more than projections and filters. */
  public static PreparedPlan of(LogicalPlan optimized) {
    PreparedPlan prepared = new PreparedPlan(optimized);
    return prepared.compute(new ArrayList<>()) instanceof LocalRelation ? prepared : null;
  }

  /** The result over rows, given as a JSON array of texts. */
  public LogicalPlan over(String rows) throws JsonProcessingException {
    List<InternalRow> data = new ArrayList<>();
    for (String row : JSON.readValue(rows, String[].class)) {
      data.add(new GenericInternalRow(new Object[] {UTF8String.fromString(row)}));
    }
    return compute(data);
  }

  /** The only column of that result, as a JSON array of texts. */
  public String texts(String rows) throws JsonProcessingException {
    List<String> texts = new ArrayList<>();
    for (InternalRow row : CollectionConverters.asJava(((LocalRelation) over(rows)).data())) {
      texts.add(row.isNullAt(0) ? null : row.getUTF8String(0).toString());
    }
    return JSON.writeValueAsString(texts);
  }

  private LogicalPlan compute(List<InternalRow> data) {
    return compute(plan, seq(data));
  }

  private static LogicalPlan compute(LogicalPlan node, Seq<InternalRow> data) {
    if (node instanceof LogicalRDD) {
      Seq<Attribute> output = node.output();
      return new LocalRelation(output, data, false, Option.empty());
    }
    List<LogicalPlan> children = new ArrayList<>();
    for (LogicalPlan child : CollectionConverters.asJava(node.children())) {
      children.add(compute(child, data));
    }
    return ConvertToLocalRelation.apply((LogicalPlan) node.withNewChildren(seq(children)));
  }

  private static <T> Seq<T> seq(List<T> list) {
    return Vector.from(CollectionConverters.asScala(list));
  }
}
