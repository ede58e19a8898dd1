"""A secret of Secrets Manager, by a request signed here: boto3 would be most of a cold start."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from hindcast.errors import InputError, StoreUnavailableError
from hindcast.serving import iam
from hindcast.serving.iam import Credentials

SERVICE = "secretsmanager"
_SECONDS = 10


def read(name: str, environment: Mapping[str, str] = os.environ) -> Mapping[str, Any]:
    """What a secret, by its name or ARN, says as JSON.

    Raises InputError where it is refused or no JSON object, StoreUnavailableError without answer.
    """
    signer = iam.credentials(environment)
    place = (
        environment.get("AWS_ENDPOINT_URL") or f"https://{SERVICE}.{signer.region}.amazonaws.com"
    )
    body = json.dumps({"SecretId": name}).encode()
    headers = _headers(urlsplit(place).netloc, body, signer, datetime.now(UTC))
    request = urllib.request.Request(place, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            found = json.loads(json.loads(answer.read())["SecretString"])
    except urllib.error.HTTPError as error:
        raise InputError(f"secret {name}: Secrets Manager answers {error.code}") from None
    except OSError as error:
        raise StoreUnavailableError(f"secret {name}: {error}") from error
    except (KeyError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"secret {name}: it is not a JSON object")
    return found


def _headers(host: str, body: bytes, signer: Credentials, now: datetime) -> dict[str, str]:
    """AWS's signature, version 4, of a POST of a JSON document."""
    date = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{date[:8]}/{signer.region}/{SERVICE}/aws4_request"
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": date,
        "x-amz-target": f"{SERVICE}.GetSecretValue",
    }
    if signer.session_token:
        headers["x-amz-security-token"] = signer.session_token
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    digest = iam.hex_digest(f"POST\n/\n\n{listed}\n{names}\n{iam.hex_digest(body.decode())}")
    signed = iam.signature(signer.secret, scope, f"{iam.ALGORITHM}\n{date}\n{scope}\n{digest}")
    credential = f"{signer.key_id}/{scope}"
    by = f"{iam.ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signed}"
    return {**headers, "authorization": by}
