"""The web application firewall before the stages."""

from collections.abc import Mapping

from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.logs import log_group
from infra.constructs.model_stage import ModelStage

# AWS's own rules: known bad addresses, known bad input, and what no API has a use for.
MANAGED = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
)
# Of the common rules: it blocks bodies over 8 KB, which a batch may well be; predict has a limit.
ONLY_COUNTED = {"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",)}
WINDOW_SECONDS = 300


class Firewall(Construct):
    """Managed rules and a limit per address, on every stage; what is blocked is logged."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        stages: Mapping[str, ModelStage],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self._addresses = addresses
        self.acl = waf.CfnWebACL(
            self,
            "Acl",
            name=addresses.prefix,
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible(addresses.named("acl")),
            rules=[
                *(self._managed(name, place) for place, name in enumerate(MANAGED)),
                self._limit(len(MANAGED)),
            ],
        )
        for model, one in stages.items():
            waf.CfnWebACLAssociation(
                self,
                f"Association-{model}",
                resource_arn=one.stage.stage_arn,
                web_acl_arn=self.acl.attr_arn,
            )
        self._log(key)

    def _managed(self, name: str, priority: int) -> waf.CfnWebACL.RuleProperty:
        counted = [
            waf.CfnWebACL.RuleActionOverrideProperty(
                name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
            )
            for rule in ONLY_COUNTED.get(name, ())
        ]
        group = waf.CfnWebACL.ManagedRuleGroupStatementProperty(
            vendor_name="AWS", name=name, rule_action_overrides=counted or None
        )
        return waf.CfnWebACL.RuleProperty(
            name=name,
            priority=priority,
            override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
            statement=waf.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
            visibility_config=_visible(name),
        )

    def _limit(self, priority: int) -> waf.CfnWebACL.RuleProperty:
        # One address may use all that the stage gives, and no more.
        limit = self._addresses.deployment.sizes.requests_per_second * WINDOW_SECONDS
        rate = waf.CfnWebACL.RateBasedStatementProperty(
            limit=limit, aggregate_key_type="IP", evaluation_window_sec=WINDOW_SECONDS
        )
        return waf.CfnWebACL.RuleProperty(
            name="rate",
            priority=priority,
            action=waf.CfnWebACL.RuleActionProperty(block={}),
            statement=waf.CfnWebACL.StatementProperty(rate_based_statement=rate),
            visibility_config=_visible("rate"),
        )

    def _log(self, key: kms.IKey) -> None:
        # WAF writes only to groups whose names begin so.
        name = f"aws-waf-logs-{self._addresses.prefix}"
        log = log_group(self, "Log", name, self._addresses.deployment, key)
        blocked = {
            "DefaultBehavior": "DROP",
            "Filters": [
                {
                    "Behavior": "KEEP",
                    "Requirement": "MEETS_ANY",
                    "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                }
            ],
        }
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            log_destination_configs=[log.log_group_arn],
            logging_filter=blocked,
            # A signature lets in whoever has it; a URL that somebody made up may hold an id.
            redacted_fields=[
                _redacted(single_header={"Name": "authorization"}),
                _redacted(single_header={"Name": "x-api-key"}),
                _redacted(uri_path={}),
                _redacted(query_string={}),
            ],
        )


_redacted = waf.CfnLoggingConfiguration.FieldToMatchProperty


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
