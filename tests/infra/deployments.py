"""What the tests deploy: the repository's own config, another market, and a second region."""

from dataclasses import replace

from infra.config import DELIVERY, PRODUCTION, STAGING, Project, another

# Each is the one line of config that the issue asks for.
MARKET = another(PRODUCTION, "production-us", "us", "us-east-1", "10.40.0.0/16")
# With definitions of its own, which only the build looks for.
OWN = Project("projects/loans", sources=("applications", "loans"), views=("loan_history",))
MARKET = replace(MARKET, project=OWN)
RECOVERY = another(PRODUCTION, "recovery", "eu", "eu-central-1", "10.50.0.0/16")

TESTED = replace(DELIVERY, production=(PRODUCTION, MARKET, RECOVERY))
CAPABILITIES = ("network", "data", "features", "models", "api", "orchestration", "monitoring")
STACKS = [f"hindcast-{one.name}-{what}" for one in TESTED.deployments for what in CAPABILITIES]
DELIVERY_STACK = "hindcast-main-delivery"
# One snapshot per stack: of staging, which is smallest, and of the pipeline.
SNAPSHOTS = [*(f"hindcast-{STAGING.name}-{what}" for what in CAPABILITIES), DELIVERY_STACK]
