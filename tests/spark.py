"""How tests run Spark."""

# Each test's work is short: what Java would spend on compiling for long runs is 40% of the whole.
QUICK_JAVA = {"SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
