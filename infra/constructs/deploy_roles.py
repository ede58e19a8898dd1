"""What each step of the pipeline may do in a deployment: by names, as its stacks come later."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.config import Deployment
from infra.constructs.builds import PUSH
from infra.constructs.training_job import allow_registry
from infra.permissions import allow, allow_write

BOOTSTRAP = "hnb659fds"  # The qualifier of `cdk bootstrap`.


def allow_publishing(to: iam.Role, deployment: Deployment) -> None:
    """Push images, and write the scripts, the wheels and the source: each once."""
    addresses = Addresses(deployment)
    allow_write(to, addresses.bucket_arn("releases"), "artifacts")
    places = [
        _arn(to, one, "ecr", "repository", one.named(name))
        for one in (deployment, deployment.standby)
        if one is not None
        for name, _ in one.repositories
    ]
    allow(to, [f"ecr:{action}" for action in PUSH], places)
    _allow_keys(to, deployment, "s3")


def allow_looks(to: iam.Role, deployment: Deployment) -> None:
    """See which versions run, and hold them: by the rebuild machines, which no two have at once."""
    _allow_stacks(to, deployment, "DescribeStacks")
    _allow_stages(to, deployment)
    _allow_machines(to, deployment, "DescribeExecution", "GetExecutionHistory", "StopExecution")


def allow_templates(to: iam.Role, deployment: Deployment) -> None:
    """Deploy templates as `cdk bootstrap` lets its roles do; of the step's own role."""
    roles = ("deploy-role", "file-publishing-role", "lookup-role")
    places = [one for one in (deployment, deployment.standby) if one is not None]
    given = [_bootstrapped(to, place, role) for place in places for role in roles]
    allow(to, ["sts:AssumeRole"], given)


def allow_migration(to: iam.Role, deployment: Deployment) -> None:
    """Give the function that migrates the database the new code, and call it."""
    function = _named(to, deployment, "lambda", "function", deployment.named("migrate"))
    actions = ("UpdateFunctionCode", "GetFunctionConfiguration", "InvokeFunction")
    allow(to, [f"lambda:{action}" for action in actions], [function])
    image = _arn(to, deployment, "ecr", "repository", deployment.named("control"))
    allow_registry(to)
    allow(to, ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], [image])


def allow_application(to: iam.Role, deployment: Deployment) -> None:
    """Give the same templates another version; CloudFormation works in the role it did before."""
    _allow_stacks(to, deployment, "DescribeStacks", "DescribeStackEvents", "UpdateStack")


def allow_roll_out(to: iam.Role, deployment: Deployment) -> None:
    """Start every model's rebuild machine, and wait for their ends."""
    _allow_machines(to, deployment, "DescribeExecution")


def allow_smoke_test(to: iam.Role, deployment: Deployment) -> None:
    """Call the API, with the key that its usage plan asks for."""
    stack = Stack.of(to)
    allow(
        to,
        ["execute-api:Invoke"],
        [_arn(to, deployment, "execute-api", "*", f"{model}/*") for model in deployment.models],
        "Every route of the stages; the API's id is not known in this stack.",
    )
    keys = stack.format_arn(
        service="apigateway", region=deployment.region, account="", resource="/apikeys*"
    )
    apis = stack.format_arn(
        service="apigateway", region=deployment.region, account="", resource="/restapis"
    )
    allow(
        to,
        ["apigateway:GET"],
        [keys, apis],
        "The API and its key are found by their names; their ids are not known in this stack.",
    )


def _allow_stacks(to: iam.Role, deployment: Deployment, *actions: str) -> None:
    """Actions on the stacks that take the application's version."""
    stacks = [
        _arn(to, deployment, "cloudformation", "stack", f"{deployment.named(capability)}/*")
        for capability in ("features", "models")
    ]
    allow(
        to,
        [f"cloudformation:{action}" for action in actions],
        stacks,
        "A stack's ARN ends in an id that it gets when it is made.",
    )


def _allow_machines(to: iam.Role, deployment: Deployment, *actions: str) -> None:
    """Start executions of every model's rebuild machine, and do more with them."""
    machines = _machines(to, deployment)
    allow(to, ["states:StartExecution"], list(machines.values()))
    allow(
        to,
        [f"states:{action}" for action in actions],
        [_named(to, deployment, "states", "execution", f"{name}:*") for name in machines],
        "Executions of these machines, whose names are not known beforehand.",
    )


def _machines(to: Construct, deployment: Deployment) -> dict[str, str]:
    """The ARN of every model's rebuild machine, by its name."""
    found = [deployment.of_model(names.REBUILD, model) for model in deployment.models]
    return {name: _named(to, deployment, "states", "stateMachine", name) for name in found}


def _allow_stages(to: iam.Role, deployment: Deployment) -> None:
    stages = [
        Stack.of(to).format_arn(
            service="apigateway",
            region=deployment.region,
            account="",
            resource="/restapis",
            resource_name=f"*/stages/{model}",
        )
        for model in deployment.models
    ]
    apis = Stack.of(to).format_arn(
        service="apigateway", region=deployment.region, account="", resource="/restapis"
    )
    allow(
        to,
        ["apigateway:GET"],
        [*stages, apis],
        "The API is found by its name; its id is not known in this stack.",
    )


def _allow_keys(to: iam.Role, deployment: Deployment, service: str) -> None:
    """The deployment's key, found by its alias and used by way of one service only."""
    addresses = Addresses(deployment)
    allow(
        to,
        ["kms:Decrypt", "kms:GenerateDataKey"],
        [_arn(to, deployment, "kms", "key", "*")],
        "Narrowed to one alias and one service; a key's id is not known in this stack.",
        {
            "StringEquals": {"kms:ViaService": f"{service}.{deployment.region}.amazonaws.com"},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{addresses.prefix}"},
        },
    )


def _arn(to: Construct, deployment: Deployment, service: str, resource: str, name: str) -> str:
    return Stack.of(to).format_arn(
        service=service,
        region=deployment.region,
        account=deployment.account,
        resource=resource,
        resource_name=name,
    )


def _named(to: Construct, deployment: Deployment, service: str, resource: str, name: str) -> str:
    return Stack.of(to).format_arn(
        service=service,
        region=deployment.region,
        account=deployment.account,
        resource=resource,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _bootstrapped(to: Construct, deployment: Deployment, role: str) -> str:
    """A role that `cdk bootstrap` made in the deployment's account and region."""
    account = deployment.account or Stack.of(to).account
    return Stack.of(to).format_arn(
        service="iam",
        region="",
        account=account,
        resource="role",
        resource_name=f"cdk-{BOOTSTRAP}-{role}-{account}-{deployment.region}",
    )
