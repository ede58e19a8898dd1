"""The pipeline: source, test, build, staging, smoke test, approval, production."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import FUNCTIONS, Delivery, Deployment
from infra.constructs import deploy_roles
from infra.constructs.builds import BuildStep, Step, allow_pull, allow_push
from infra.constructs.delivery_access import DEPLOY, SMOKE_TEST, role_arn
from infra.constructs.delivery_access import Step as DeployStep
from infra.constructs.logs import retention
from infra.permissions import acknowledge, allow, role

# What CDK grants the pipeline and its actions on what they hand on, named action by action; and not
# what CDK grants beside it: to delete, to tag, to hold by law. A test compares the two.
READ = ("s3:GetObject", "s3:GetObjectVersion")
WRITE = ("s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:AbortMultipartUpload")
BUCKET = ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket")
KEY = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")


class Pipeline(Construct):
    """CodePipeline V2; every action is a step of `buildspec.yml` in a project of its own."""

    def __init__(self, scope: Construct, id: str, delivery: Delivery, key: kms.IKey) -> None:
        super().__init__(scope, id)
        self._delivery, self._key = delivery, key
        self._name = f"hindcast-{delivery.name}"
        self._folder = self._name[:20]  # CodePipeline's own way to name its folder.
        self._source = codepipeline.Artifact("source")
        self._built = codepipeline.Artifact("built")  # Templates, digests, and the steps' code.
        self._files = codepipeline.Artifact("files")
        self._bucket = self._artifacts()
        self.pipeline = self._pipeline()
        self.pipeline.add_stage(stage_name="Source", actions=[self._from_repository()])
        self._test_and_build()
        self._deploy("Staging", [delivery.staging])
        asked = self._of_deployment(SMOKE_TEST, delivery.staging, 1)
        self.pipeline.add_stage(stage_name="SmokeTest", actions=[asked])
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
        self._allow_handing_on(self._role, READ, WRITE)
        connection = self._delivery.repository.connection
        # The service has had two names, and a policy's action need not be the ARN's.
        services = ("codeconnections", "codestar-connections")
        allow(self._role, [f"{name}:UseConnection" for name in services], [connection])
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

    def _allow_handing_on(self, to: iam.Role, *objects: tuple[str, ...]) -> None:
        """What the pipeline, or an action, does with the artifacts between actions."""
        below = f"{self._bucket.bucket_arn}/{self._folder}/*"
        actions = [action for kind in objects for action in kind]
        allow(to, actions, [below], "Artifacts of each execution, in the pipeline's folder.")
        allow(to, list(BUCKET), [self._bucket.bucket_arn])
        allow(to, [f"kms:{action}" for action in KEY], [self._key.key_arn])

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
        test = self._step(Step("test", f"{self._name}-test", "Passes every test", 60), READ)
        build = self._step(
            Step(
                "build",
                f"{self._name}-build",
                "Builds images, wheels and templates",
                60,
                True,
                {"DEPLOYMENTS": ",".join(one.name for one in self._delivery.deployments)},
            ),
            READ,
            WRITE,
        )
        repositories = [self._built_arn(image) for image in FUNCTIONS]
        allow_push(build.role, repositories)
        allow(build.role, ["ecr:DescribeImageScanFindings"], repositories)
        self.pipeline.add_stage(
            stage_name="Test", actions=[self._action("test", test.project, 1, self._source)]
        )
        given = [self._built, self._files]
        made = self._action("build", build.project, 1, self._source, outputs=given)
        self.pipeline.add_stage(stage_name="Build", actions=[made])

    def _built_arn(self, image: str) -> str:
        name = self._delivery.built(image)
        return Stack.of(self).format_arn(service="ecr", resource="repository", resource_name=name)

    def _deploy(self, stage: str, deployments: list[Deployment]) -> None:
        self.pipeline.add_stage(
            stage_name=stage,
            actions=[
                self._of_deployment(step, deployment, place)
                for deployment in deployments
                for place, step in enumerate(DEPLOY, start=1)
            ],
        )

    def _of_deployment(
        self, of: DeployStep, deployment: Deployment, place: int
    ) -> actions.CodeBuildAction:
        """An action whose role takes another one in the deployment's account for what it does."""
        name = self._delivery.step(of.name, deployment)
        account = deployment.account or Stack.of(self).account
        taken = role_arn(self, account, deployment.delivered_by(of.name))
        step = self._step(
            Step(
                of.name,
                name,
                f"{of.description} {deployment.name}",
                of.minutes,
                variables={"DEPLOYMENT": deployment.name, "ROLE": taken},
                named_role=True,
            ),
            READ,
        )
        allow(step.role, ["sts:AssumeRole"], [taken])
        if of.name == "publish":
            allow_pull(step.role, [self._built_arn(image) for image in FUNCTIONS])
        if of.name == "infrastructure":
            deploy_roles.allow_templates(step.role, deployment)
        more = [self._files] if of.name == "publish" else []
        name = f"{of.name}-{deployment.name}"
        return self._action(name, step.project, place, self._built, more)

    def _step(self, step: Step, *objects: tuple[str, ...]) -> BuildStep:
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
        self._allow_handing_on(made.role, *objects)
        asked = ["codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds"]
        allow(self._role, asked, [made.project.project_arn])
        return made

    def _action(
        self,
        name: str,
        project: codebuild.IProject,
        order: int,
        takes: codepipeline.Artifact,
        more: Sequence[codepipeline.Artifact] = (),
        outputs: Sequence[codepipeline.Artifact] = (),
    ) -> actions.CodeBuildAction:
        return actions.CodeBuildAction(
            action_name=name,
            project=project,
            input=takes,
            extra_inputs=list(more),
            outputs=list(outputs),
            run_order=order,
            environment_variables={
                # The version is the commit, whichever action asks.
                "VERSION": codebuild.BuildEnvironmentVariable(value="#{Source.CommitId}")
            },
        )
