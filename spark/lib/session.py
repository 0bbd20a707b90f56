"""A SparkSession inside the driver's JVM, which this process shares with the job server and the other job.

The job server starts one py4j gateway in the JVM per job, with a session of its own as entry point, and passes port and secret
in the environment. So each job is an ordinary PySpark program with its own interpreter and callbacks, while the cluster sees one
application: two drivers with two executors would not fit a laptop.
"""

from __future__ import annotations

import os

from py4j.clientserver import ClientServer, JavaParameters, PythonParameters
from py4j.java_gateway import java_import
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

# What pyspark.java_gateway imports into a gateway it has launched itself.
_IMPORTS = (
    "org.apache.spark.SparkConf",
    "org.apache.spark.api.java.*",
    "org.apache.spark.api.python.*",
    "org.apache.spark.ml.python.*",
    "org.apache.spark.mllib.api.python.*",
    "org.apache.spark.resource.*",
    "org.apache.spark.sql.*",
    "org.apache.spark.sql.api.python.*",
    "org.apache.spark.sql.hive.*",
    "scala.Tuple2",
)


def attach() -> SparkSession:
    """The session the job server made for this job."""
    gateway = ClientServer(
        java_parameters=JavaParameters(
            port=int(os.environ["PIPECTL_GATEWAY_PORT"]),
            auth_token=os.environ["PIPECTL_GATEWAY_SECRET"],
            auto_convert=True,
        ),
        python_parameters=PythonParameters(port=0, eager_load=False),
    )
    for name in _IMPORTS:
        java_import(gateway.jvm, name)
    java_session = gateway.entry_point
    java_context = gateway.jvm.JavaSparkContext.fromSparkContext(java_session.sparkContext())
    conf = SparkConf(_jvm=gateway.jvm, _jconf=java_context.getConf())
    context = SparkContext(gateway=gateway, jsc=java_context, conf=conf)
    return SparkSession(context, jsparkSession=java_session)
