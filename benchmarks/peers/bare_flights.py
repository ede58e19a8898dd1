"""The peer of the flights' features: one DuckDB script over the same rows, with the same joins.

What a plane's, a route's, an airport's and a weather station's events said is worked out once per
event and found by ASOF joins; what is of the last hours or days, by windows over events and flights
together. No definitions, no checks, no Delta.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

SOURCES = ("flights", "arrivals", "weather", "planes")
# The frame of what happened in so much time before the row's own instant, and not at it.
HOURS_3, HOURS_6, DAY, MONTH = (
    f"RANGE BETWEEN INTERVAL {length} PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING"
    for length in ("3 HOURS", "6 HOURS", "1 DAY", "30 DAYS")
)
PLANE = """
    SELECT tailnum, over_at, last_value(arr_delay IGNORE NULLS) OVER known AS last_delay,
        lag(arr_delay) OVER (PARTITION BY tailnum ORDER BY over_at, flight_id) AS delay_before,
        avg(arr_delay) OVER (PARTITION BY tailnum ORDER BY over_at, flight_id
                             ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) AS delay_of_last_5
    FROM arrivals WHERE tailnum IS NOT NULL
    WINDOW known AS (PARTITION BY tailnum ORDER BY over_at, flight_id
                     ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    QUALIFY row_number() OVER (PARTITION BY tailnum, over_at ORDER BY flight_id DESC) = 1
"""
SKY = """
    SELECT origin, time_hour, last_value(wind_speed IGNORE NULLS) OVER known AS wind_speed,
        last_value(precip IGNORE NULLS) OVER known AS precip,
        last_value(visib IGNORE NULLS) OVER known AS visib,
        last_value(pressure IGNORE NULLS) OVER known AS pressure
    FROM weather WINDOW known AS (PARTITION BY origin ORDER BY time_hour
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
"""
# Events, each with what it counts, and flights, which count nothing.
RECENT = {
    "plane": f"""
        SELECT flight, count(event) OVER (PARTITION BY tailnum ORDER BY moment {DAY})
            AS flights_last_day
        FROM (SELECT tailnum, over_at AS moment, 1 AS event, NULL AS flight FROM arrivals
              WHERE tailnum IS NOT NULL
              UNION ALL SELECT tailnum, scheduled, NULL, flight_id FROM flights)
        QUALIFY flight IS NOT NULL
    """,
    "route": f"""
        SELECT flight, avg(arr_delay) OVER month AS route_delay,
            count(*) FILTER (outcome = 'late') OVER month AS route_late,
            count(event) OVER month AS route_flights
        FROM (SELECT carrier, dest, over_at AS moment, arr_delay, outcome, 1 AS event,
                  NULL AS flight FROM arrivals
              UNION ALL SELECT carrier, dest, scheduled, NULL, NULL, NULL, flight_id FROM flights)
        WINDOW month AS (PARTITION BY carrier, dest ORDER BY moment {MONTH})
        QUALIFY flight IS NOT NULL
    """,
    "airport": f"""
        SELECT flight, avg(dep_delay) OVER
                (PARTITION BY origin ORDER BY moment {HOURS_3}) AS delay_last_3_hours,
            count(*) FILTER (outcome = 'cancelled') OVER
                (PARTITION BY origin ORDER BY moment {HOURS_6})
                AS cancelled_last_6_hours
        FROM (SELECT origin, over_at AS moment, dep_delay, outcome, NULL AS flight FROM arrivals
              UNION ALL SELECT origin, scheduled, NULL, NULL, flight_id FROM flights)
        QUALIFY flight IS NOT NULL
    """,
    "rain": f"""
        SELECT flight, sum(rain) OVER (PARTITION BY origin ORDER BY moment {HOURS_6})
            AS rain_last_6_hours
        FROM (SELECT origin, time_hour AS moment, precip AS rain, NULL AS flight FROM weather
              UNION ALL SELECT origin, scheduled, NULL, flight_id FROM flights)
        QUALIFY flight IS NOT NULL
    """,
}
FRESH = "sky.time_hour >= scheduled - INTERVAL 6 HOURS"
ASKED = f"""
    SELECT flight_id, last_delay, delay_before, delay_of_last_5, flights_last_day,
        datesub('hour', plane.over_at, scheduled) AS hours_on_the_ground, seats,
        planes.year AS built, route_delay, route_late, route_flights, delay_last_3_hours,
        cancelled_last_6_hours, CASE WHEN {FRESH} THEN sky.wind_speed END AS wind_speed,
        CASE WHEN {FRESH} THEN sky.precip END AS precip,
        CASE WHEN {FRESH} THEN sky.visib END AS visib,
        CASE WHEN {FRESH} THEN sky.pressure END AS pressure,
        CASE WHEN {FRESH} THEN rain_last_6_hours END AS rain_last_6_hours, distance,
        hour(scheduled) AS hour, route_late / nullif(route_flights, 0) AS share_late
    FROM flights
    ASOF LEFT JOIN ({PLANE}) plane
        ON flights.tailnum = plane.tailnum AND flights.scheduled > plane.over_at
    ASOF LEFT JOIN planes
        ON flights.tailnum = planes.tailnum AND flights.scheduled > planes.registered
    ASOF LEFT JOIN ({SKY}) sky
        ON flights.origin = sky.origin AND flights.scheduled > sky.time_hour
    {{recent}}
"""


def features(folder: Path) -> pa.Table:
    """The features of every flight, by flight_id, from a Parquet file of each source."""
    joins = [f"JOIN ({sql}) {name} ON {name}.flight = flight_id" for name, sql in RECENT.items()]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for source in SOURCES:
            connection.execute(f"CREATE VIEW {source} AS FROM '{folder / source}.parquet'")
        return connection.sql(ASKED.format(recent="\n".join(joins))).to_arrow_table()
