"""The pipeline: source, test, build, staging, smoke test, approval, production."""

from collections.abc import Callable

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Delivery, Deployment
from infra.constructs import deploy_roles
from infra.constructs.builds import BuildStep, Step
from infra.constructs.logs import retention
from infra.permissions import acknowledge, allow, allow_key, allow_write, role

# What is done to a deployment, in this order: the database's schema is there before any code of the
# new version runs, and traffic comes last. Application and infrastructure are steps apart.
DEPLOY: tuple[tuple[str, str, int, Callable[[iam.Role, Deployment], None]], ...] = (
    (
        "infrastructure",
        "Deploys templates, unless a canary is on a stage",
        60,
        deploy_roles.allow_infrastructure,
    ),
    (
        "migrate",
        "Migrates the database by the new version's code",
        30,
        deploy_roles.allow_migration,
    ),
    (
        "application",
        "Gives features and models the new version",
        60,
        deploy_roles.allow_application,
    ),
    (
        "roll-out",
        "Brings predict's new code to traffic by a canary",
        480,
        deploy_roles.allow_roll_out,
    ),
)


class Pipeline(Construct):
    """CodePipeline V2; every action is a step of `buildspec.yml` in a project of its own."""

    def __init__(self, scope: Construct, id: str, delivery: Delivery, key: kms.IKey) -> None:
        super().__init__(scope, id)
        self._delivery, self._key = delivery, key
        self._name = f"hindcast-{delivery.name}"
        self._folder = self._name[:20]  # CodePipeline's own way to name its folder.
        self._source = codepipeline.Artifact("source")
        self._built = codepipeline.Artifact("built")
        self._bucket = self._artifacts()
        self.pipeline = self._pipeline()
        self.pipeline.add_stage(stage_name="Source", actions=[self._from_repository()])
        self._test_and_build()
        self._deploy("Staging", [delivery.staging])
        self.pipeline.add_stage(stage_name="SmokeTest", actions=[self._smoke(delivery.staging)])
        approve = actions.ManualApprovalAction(action_name="approve", timeout=Duration.days(7))
        self.pipeline.add_stage(stage_name="Approval", actions=[approve])
        self._deploy("Production", list(delivery.production))

    def _artifacts(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Artifacts",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[s3.LifecycleRule(id="old", expiration=Duration.days(90))],
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            bucket,
            "Only the pipeline reads and writes here; CodePipeline records its actions.",
            "AwsSolutions-S1",
        )
        return bucket

    def _pipeline(self) -> codepipeline.Pipeline:
        self._role = role(self, "Role", "codepipeline.amazonaws.com", "Runs the pipeline")
        allow_write(self._role, self._bucket.bucket_arn, self._folder)
        allow_key(self._role, self._key.key_arn)
        connection = self._delivery.repository.connection
        allow(self._role, ["codeconnections:UseConnection"], [connection])
        return codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=self._name,
            pipeline_type=codepipeline.PipelineType.V2,
            # A newer push waits its turn, and takes the place of those that wait.
            execution_mode=codepipeline.ExecutionMode.SUPERSEDED,
            artifact_bucket=self._bucket,
            role=self._role.without_policy_updates(),
            use_pipeline_role_for_actions=True,
            restart_execution_on_update=False,
        )

    def _from_repository(self) -> actions.CodeStarConnectionsSourceAction:
        repository = self._delivery.repository
        return actions.CodeStarConnectionsSourceAction(
            action_name="repository",
            variables_namespace="Source",
            connection_arn=repository.connection,
            owner=repository.owner,
            repo=repository.name,
            branch=repository.branch,
            output=self._source,
        )

    def _test_and_build(self) -> None:
        test = self._step(Step("test", f"{self._name}-test", "Passes every test", 60))
        build = self._step(
            Step(
                "build",
                f"{self._name}-build",
                "Builds images, wheels and templates",
                60,
                True,
                {"DEPLOYMENTS": ",".join(one.name for one in self._delivery.deployments)},
            )
        )
        deploy_roles.allow_publishing(build.role, self._delivery.deployments)
        self.pipeline.add_stage(
            stage_name="Test", actions=[self._action("test", test.project, 1, self._source)]
        )
        made = self._action("build", build.project, 1, self._source, self._built)
        self.pipeline.add_stage(stage_name="Build", actions=[made])

    def _deploy(self, stage: str, deployments: list[Deployment]) -> None:
        self.pipeline.add_stage(
            stage_name=stage,
            actions=[
                self._action(f"{name}-{deployment.name}", self._project(deployment, place), place)
                for deployment in deployments
                for place, (name, *_) in enumerate(DEPLOY, start=1)
            ],
        )

    def _project(self, deployment: Deployment, place: int) -> codebuild.IProject:
        name, description, minutes, permit = DEPLOY[place - 1]
        step = self._deployment_step(name, description, minutes, deployment)
        permit(step.role, deployment)
        return step.project

    def _smoke(self, deployment: Deployment) -> actions.CodeBuildAction:
        step = self._deployment_step("smoke-test", "Asks for a prediction", 15, deployment)
        deploy_roles.allow_smoke_test(step.role, deployment)
        return self._action(f"smoke-test-{deployment.name}", step.project, 1)

    def _deployment_step(
        self, name: str, description: str, minutes: int, deployment: Deployment
    ) -> BuildStep:
        variables = {"DEPLOYMENT": deployment.name}
        project = f"{self._name}-{name}-{deployment.name}"
        about = f"{description}: {deployment.name}"
        return self._step(Step(name, project, about, minutes, False, variables))

    def _step(self, step: Step) -> BuildStep:
        id = step.project.removeprefix(f"{self._name}-")
        log = logs.LogGroup(
            self,
            f"{id}-log",
            log_group_name=step.log_name,
            encryption_key=self._key,
            retention=retention(self._delivery.log_days),
            removal_policy=RemovalPolicy.DESTROY,
        )
        made = BuildStep(self, id, step, self._key, log)
        # What a pipeline hands from action to action.
        allow_write(made.role, self._bucket.bucket_arn, self._folder)
        asked = ["codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds"]
        allow(self._role, asked, [made.project.project_arn])
        return made

    def _action(
        self,
        name: str,
        project: codebuild.IProject,
        order: int,
        takes: codepipeline.Artifact | None = None,
        gives: codepipeline.Artifact | None = None,
    ) -> actions.CodeBuildAction:
        return actions.CodeBuildAction(
            action_name=name,
            project=project,
            input=takes or self._built,
            outputs=[gives] if gives else [],
            run_order=order,
            environment_variables={
                # The version is the commit, whichever action asks.
                "VERSION": codebuild.BuildEnvironmentVariable(value="#{Source.CommitId}")
            },
        )
