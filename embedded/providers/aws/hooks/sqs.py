"""SQS: attributes, which it takes and gives as texts by names of its own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..resource import Live

ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


def queue_attributes(live: "Live") -> dict[str, str]:
    """Those that have a value. FifoQueue is only taken where it is true."""
    found = {api: live.values[name] for name, api in ATTRIBUTES.items() if live.values.get(name) is not None}
    if not found.get("FifoQueue"):
        found.pop("FifoQueue", None)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in found.items()}


def set_queue_attributes(live: "Live") -> None:
    """What is gone from the inputs is set to nothing."""
    wanted = queue_attributes(live)
    wanted.pop("FifoQueue", None)
    gone = [api for name, api in ATTRIBUTES.items() if live.old.get(name) and live.changed(name) and api not in wanted]
    live.call("set_queue_attributes", {"QueueUrl": live.id, "Attributes": {**dict.fromkeys(gone, ""), **wanted}})


def queue_name(live: "Live") -> str:
    return live.id.rsplit("/", 1)[-1]
