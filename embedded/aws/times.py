"""Lets what the account makes take a while, as on AWS: the answer to a call comes after so many seconds."""

import time
from collections.abc import Mapping
from typing import Any

from moto.core.responses import BaseResponse


def take(seconds: Mapping[str, float]) -> None:
    """Once in a process. seconds: by service and operation, such as `eks:CreateCluster`. What is asked beside it is
    answered at once."""
    plain: Any = BaseResponse.call_action

    def call_action(self: Any) -> Any:
        answer = plain(self)
        time.sleep(seconds.get(f"{self.service_name}:{self._get_action()}", 0.0))
        return answer

    BaseResponse.call_action = call_action
