"""An account of AWS, asked with the credentials of whoever runs a command."""

import os
import threading
from dataclasses import dataclass, field
from typing import Any

from modules.core.errors import UserError
from scripts.cli import shell

ATTEMPTS = 12
"""Of a call that AWS throttles, with growing pauses."""


class RefusedError(UserError):
    """AWS says no, or nothing answers."""


@dataclass
class Aws:
    """One region of an account. A person's own variables (AWS_PROFILE ...) say with which credentials, and where it
    answers."""

    region: str
    _clients: dict[str, Any] = field(default_factory=dict[str, Any])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None
    _account: str = ""

    def call(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the answer, of all pages together. Raise RefusedError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self._client(service)
            if client.can_paginate(operation):
                return dict(client.get_paginator(operation).paginate(**parameters).build_full_result())
            return dict(getattr(client, operation)(**parameters))
        except ClientError as error:
            answer: Any = error.response
            raise RefusedError(f"{answer['Error'].get('Code')}: {answer['Error'].get('Message')}") from None
        except BotoCoreError as error:
            raise RefusedError(str(error)) from None

    @property
    def account(self) -> str:
        """Number of the account that the credentials are of."""
        if not self._account:
            try:
                self._account = self.call("sts", "get_caller_identity", {})["Account"]
            except RefusedError as error:
                raise UserError(
                    f"AWS does not say whose credentials these are: {error}. Choose some (AWS_PROFILE, or "
                    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
                ) from None
        return self._account

    def _client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        with self._lock:
            if self._session is None:
                os.environ.update({name: value for name, value in shell.given.items() if name.startswith("AWS_")})
                self._session = boto3.Session(region_name=self.region)
            if service not in self._clients:
                retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
                config = Config(retries=retries, connect_timeout=5, read_timeout=30)
                self._clients[service] = self._session.client(service, config=config)
            return self._clients[service]
