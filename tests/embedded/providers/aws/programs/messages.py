"""Topics and who gets their messages."""

import json

import pulumi
from pulumi_aws.cloudwatch import EventBus, EventRule, EventTarget
from pulumi_aws.sns import Topic, TopicPolicy, TopicSubscription
from pulumi_aws.sqs import Queue

config = pulumi.Config()
text = config.get("text") or "one"
queue = Queue("queue")
topic = Topic("topic", display_name=text, tags={"owner": text})
TopicSubscription(
    "queue",
    topic=topic.arn,
    protocol="sqs",
    endpoint=queue.arn,
    raw_message_delivery=config.get_bool("raw") or False,
    filter_policy=json.dumps({"kind": [text]}),
)
TopicSubscription("person", topic=topic.arn, protocol="email", endpoint="person@example.com")
ordered = Topic("ordered", name="ordered.fifo", fifo_topic=True, content_based_deduplication=True)
allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
TopicPolicy(
    "policy",
    arn=topic.arn,
    policy=topic.arn.apply(
        lambda arn: json.dumps({"Version": "2012-10-17", "Id": text, "Statement": [{**allow, "Resource": arn}]})
    ),
)
bus = EventBus("bus", description=text)
rule = EventRule("rule", event_bus_name=bus.name, event_pattern=json.dumps({"source": [text]}))
EventTarget("target", event_bus_name=bus.name, rule=rule.name, arn=topic.arn)
pulumi.export("topic", topic.arn)
pulumi.export("name", topic.name)
