"""The account takes as long as it is asked to."""

import json
import time
from pathlib import Path
from typing import Any

import boto3

from tests.processes import serving


def test_only_the_named_calls_take_their_time(tmp_path: Path) -> None:
    times = tmp_path / "times.json"
    times.write_text(json.dumps({"ec2:CreateVpc": 0.7, "eks:ListClusters": 0.6}))
    with serving("-I", "-m", "embedded.aws", "--times", str(times)) as (address,):
        session: Any = boto3.Session(aws_access_key_id="t", aws_secret_access_key="t", region_name="us-east-1")
        ec2, eks = (session.client(name, endpoint_url=address) for name in ("ec2", "eks"))
        ec2.describe_vpcs()  # the first answer of a service is slow by itself
        assert _seconds(lambda: ec2.create_vpc(CidrBlock="10.0.0.0/16")) >= 0.7
        assert _seconds(eks.list_clusters) >= 0.6
        assert _seconds(ec2.describe_vpcs) < 0.5


def _seconds(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
