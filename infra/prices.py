"""Public list prices in USD for eu-west-1, each with where it is from."""

from dataclasses import dataclass

# Not looked up: AWS's price pages fill their tables in the browser. Two digits where unsure.
KNOWN = "list price as known in 2025"


@dataclass(frozen=True)
class Price:
    """One price, what it is for, and who says so."""

    usd: float
    unit: str
    source: str = KNOWN


PRICES = {
    "api_requests": Price(
        3.50,
        "million REST requests, the first 333 million",
        "docs.aws.amazon.com, whitepaper on private APIs; us-east-1, known to be the same",
    ),
    "waf_acl": Price(5.00, "web ACL and month", "c3x.dev/blog/aws-waf-cost-explained; all regions"),
    "waf_rule": Price(1.00, "rule or managed group and month", "the same"),
    "waf_requests": Price(0.60, "million requests", "the same"),
    "lambda_requests": Price(
        0.20, "million requests", "docs.aws.amazon.com, How AWS Pricing Works; all regions"
    ),
    "lambda_gb_second": Price(
        0.0000166667, "GB-second on x86", "cloudchipr.com/blog/aws-lambda-pricing, 2024"
    ),
    "endpoint_hour": Price(
        0.011,
        "interface endpoint, zone and hour",
        f"{KNOWN}; two published bills of EU-VpcEndpoint-Hours agree",
    ),
    "endpoint_gb": Price(0.01, "GB through an endpoint", "aws.amazon.com/privatelink/pricing"),
    "database_t4g.medium": Price(0.07, "hour, one zone"),
    "database_m7g.large": Price(0.19, "hour, one zone"),
    "database_m7g.2xlarge": Price(0.75, "hour, one zone"),
    "database_gb": Price(
        0.127, "GB of gp3 and month, one zone", "a published bill of EU-RDS:GP3-Storage"
    ),
    "backup_gb": Price(
        0.095,
        "GB and month beyond the database's own size",
        "usage.ai, RDS pricing calculator, June 2026; us-east-1",
    ),
    "proxy_vcpu_hour": Price(0.018, "vCPU of the database and hour, two at least"),
    "shard_hour": Price(0.017, "shard of a stream and hour"),
    "stream_records": Price(0.0165, "million records of up to 25 KB into a stream"),
    "glue_dpu_hour": Price(
        0.44,
        "DPU-hour, by the second, a minute at least",
        "awsnegotiations.com/glue-job-cost-optimization, May 2026; us-east-1, known to be the same",
    ),
    "transitions": Price(25.00, "million transitions of standard workflows"),
    "training_hour": Price(1.1, "hour of ml.m7i.4xlarge"),
    "build_minute": Price(
        0.01, "minute of general1.medium", "kindatechnical.com, Understanding CodeBuild Pricing"
    ),
    "pipeline_minute": Price(
        0.002, "minute of an action, after 100 free ones", "aws.amazon.com/codepipeline/pricing"
    ),
    "key": Price(
        1.00,
        "key and month; each of the first two rotations adds as much",
        "infracost's output in gordonmurray/terraform_aws_rds_postgres_atlas",
    ),
    "key_requests": Price(3.00, "million requests", "the same"),
    "secret": Price(0.40, "secret and month", "the same"),
    "metric": Price(0.30, "custom metric and month, the first 10,000"),
    "alarm_metric": Price(0.10, "metric in an alarm and month"),
    "composite_alarm": Price(0.50, "alarm over others and month"),
    "log_gb": Price(0.57, "GB of logs taken in"),
    "log_month_gb": Price(0.03, "GB of logs kept and month", "c3x.dev, June 2026; us-east-1"),
    "traces": Price(5.00, "million traces recorded, after 100,000 free ones"),
    "s3_gb": Price(0.023, "GB and month, S3 Standard"),
    "s3_writes": Price(5.00, "million writes and lists"),
    "region_gb": Price(0.02, "GB to another region of Europe"),
    "in_time_gb": Price(0.015, "GB replicated with replication time control"),
    "health_check": Price(1.50, "check of an HTTPS endpoint of AWS's and month"),
    "image_gb": Price(0.10, "GB of images and month"),
    "out_gb": Price(0.09, "GB out to the internet"),
}
