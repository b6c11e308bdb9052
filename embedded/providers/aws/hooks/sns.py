"""SNS: attributes, which it takes one by one as texts by names of its own."""

import json
from typing import TYPE_CHECKING, Any

from embedded.providers.base.values import is_list, is_object

if TYPE_CHECKING:
    from ..resource import Live

OTHERWISE = {
    "kmsMasterKeyId": "KmsMasterKeyId",
    "httpFailureFeedbackRoleArn": "HTTPFailureFeedbackRoleArn",
    "httpSuccessFeedbackRoleArn": "HTTPSuccessFeedbackRoleArn",
    "httpSuccessFeedbackSampleRate": "HTTPSuccessFeedbackSampleRate",
    "sqsFailureFeedbackRoleArn": "SQSFailureFeedbackRoleArn",
    "sqsSuccessFeedbackRoleArn": "SQSSuccessFeedbackRoleArn",
    "sqsSuccessFeedbackSampleRate": "SQSSuccessFeedbackSampleRate",
}
"""Those whose names differ by more than the first letter's case."""
AT_CREATION = {"fifoTopic"}
OTHERS = {"region", "tags", "name", "namePrefix", "topic", "protocol", "endpoint"} | {
    "endpointAutoConfirms",
    "confirmationTimeoutInMinutes",
}
"""Inputs that are no attributes."""


def topic_attributes(live: "Live") -> dict[str, str]:
    return _attributes(live)


def subscription_attributes(live: "Live") -> dict[str, str]:
    return _attributes(live)


def topic_name(live: "Live") -> str:
    return live.id.rpartition(":")[2]


def set_topic_attributes(live: "Live") -> None:
    _set(live, "set_topic_attributes", "TopicArn")


def set_subscription_attributes(live: "Live") -> None:
    _set(live, "set_subscription_attributes", "SubscriptionArn")


def _attributes(live: "Live") -> dict[str, str]:
    """Those that have a value. FifoTopic is only taken where it is true."""
    given = {name: live.values.get(name) for name in live.entry["inputs"] if name not in OTHERS}
    return {_api(name): _text(value) for name, value in given.items() if value not in (None, "", False)}


def _set(live: "Live", call: str, key: str) -> None:
    for name in live.entry["inputs"]:
        if name not in OTHERS | AT_CREATION and live.changed(name):
            value = live.values.get(name)
            text = "" if value is None else _text(value)
            live.call(call, {key: live.id, "AttributeName": _api(name), "AttributeValue": text})


def _api(name: str) -> str:
    return OTHERWISE.get(name, name[:1].upper() + name[1:])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if is_object(value) or is_list(value) else str(value)
