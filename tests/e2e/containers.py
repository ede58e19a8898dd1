"""The images, built with buildah and run with podman as Lambda runs them, without Docker's engine.

The base image is AWS's where the machine has it. Elsewhere a stand-in takes its place: Debian's
Python 3.11 with AWS's runtime client, which stays in the local store for the next run; remove it
with `buildah rmi`. pip takes it for a system with the C library of Amazon Linux 2023.
"""

import os
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.e2e import emulator
from tests.e2e.emulator import ROOT, Function

TOOLS = ("buildah", "podman", "runc", "mmdebstrap")
AWS, STAND_IN = "public.ecr.aws/lambda/python:3.12", "localhost/hindcast/lambda-stand-in:3.11"
BUILD = "--pull-never --isolation chroot --network host"
PREFIX, VERSION = "localhost/hindcast-test-", str(os.getpid())
LAMBDA_USER = "993:990"
# Where AWS's base image has it, too.
EMULATOR = "/usr/local/bin/aws-lambda-rie"
_GLIBC = "def manylinux_compatible(major, minor, arch):\n    return (major, minor) <= (2, 34)\n"
_ENTRYPOINT = '#!/bin/sh\nPYTHONPATH=/var/runtime exec python3 -m awslambdaric "$@"\n'
_DOCKERFILE = """
FROM scratch
ADD root.tar /
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
COPY _manylinux.py /usr/lib/python3/dist-packages/
COPY --chmod=755 entrypoint /lambda-entrypoint.sh
RUN ln -s python3 /usr/bin/python \\
    && python3 -m pip install --no-cache-dir --target /var/runtime awslambdaric=={client}
ENV LAMBDA_TASK_ROOT=/var/task
WORKDIR /var/task
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""


@dataclass(frozen=True)
class Place:
    """What a container sees of the machine: files and folders by their paths in it; variables."""

    mounts: Mapping[str, Path]
    environment: Mapping[str, str]


def missing() -> str | None:
    """Why no image can be built and run here, or None where that is possible."""
    for tool in TOOLS:
        if shutil.which(tool) is None:
            return f"{tool} is not installed; apt-get install {' '.join(TOOLS)}"
    if os.geteuid() != 0:
        return "only root can build and run images without Docker's engine"
    return emulator.missing()


def build(function: str, release: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Build a function's image as `make images` does; see image() for its name."""
    base, _, base_version = _base().rpartition(":")
    options = {
        "builder": "buildah",
        "version": VERSION,
        "prefix": PREFIX,
        "base": base,
        "base-version": base_version,
        "release": str(release or ""),
        "flags": BUILD,
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "infra.images", function, *given]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def image(function: str) -> str:
    """The name of an image that this process builds."""
    return f"{PREFIX}{function}:{VERSION}"


def remove(function: str) -> None:
    """Forget an image's name; its layers stay for the next build, until `podman image prune`."""
    _succeeds("podman", "untag", image(function))


@contextmanager
def function(
    name: str, handler: str, place: Place, seconds: int = 60, memory: int = 1024
) -> Iterator[Function]:
    """A function's container as Lambda would have it, under its emulator; gone in the end."""
    with tempfile.TemporaryDirectory(prefix="hindcast-container-") as folder:
        started, container = Function(emulator.free_port(), Path(folder), seconds), f"test-{name}"
        own = {
            **emulator.CREDENTIALS,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),
        }
        seen = Place({**place.mounts, EMULATOR: emulator.program()}, {**own, **place.environment})
        command = [
            *_podman(seen, memory),
            "--name",
            container,
            "--entrypoint",
            EMULATOR,
            image(name),
            *emulator.addresses(started.port),
            "/lambda-entrypoint.sh",
            handler,
        ]
        task = Path(folder, "task")
        task.mkdir()
        try:
            with emulator.running(command, task, os.environ) as process:
                emulator.wait(process, started)
                yield started
        finally:
            _succeeds("podman", "rm", "--force", "--ignore", container)


def run(name: str, place: Place, program: str, *arguments: str) -> str:
    """Run a program in a function's container; what it prints."""
    return _run(*_podman(place), "--entrypoint", program, image(name), *arguments)


def _podman(place: Place, memory: int = 1024) -> Sequence[str]:
    """As Lambda: a user without name or rights, nothing to write to but /tmp, so many MB."""
    mounts = [f"--volume={path}:{inside}" for inside, path in place.mounts.items()]
    variables = [f"--env={name}={value}" for name, value in place.environment.items()]
    return [
        "podman",
        "--runtime=runc",
        "--cgroup-manager=cgroupfs",
        "run",
        "--rm",
        "--network=host",
        f"--user={LAMBDA_USER}",
        "--passwd=false",
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        "--read-only",
        "--read-only-tmpfs=false",
        "--tmpfs=/tmp:size=512m",
        f"--memory={memory}m",
        "--ulimit=nofile=1024:1024",
        "--ulimit=nproc=1024:1024",
        *mounts,
        *variables,
    ]


def _base() -> str:
    """AWS's own image where it is in the local store, else the stand-in, made where missing."""
    for name in (AWS, STAND_IN):
        if _succeeds("buildah", "inspect", "--type", "image", name):
            return name
    with tempfile.TemporaryDirectory(prefix="hindcast-stand-in-") as folder:
        _make_stand_in(Path(folder))
    return STAND_IN


def _make_stand_in(folder: Path) -> None:
    packages = "--include=python3,python3-pip,ca-certificates"
    _run("mmdebstrap", "--quiet", "--variant=minbase", packages, "bookworm", f"{folder}/root.tar")
    # The machine's, which may know of a proxy's; only the stand-in gets it.
    certificates = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    shutil.copy(certificates, folder / "ca.crt")
    (folder / "_manylinux.py").write_text(_GLIBC)
    (folder / "entrypoint").write_text(_ENTRYPOINT)
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(client=version("awslambdaric")))
    _run("buildah", "build", *shlex.split(BUILD), "--tag", STAND_IN, str(folder))


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
