"""Prowler, which knows AWS's good practice and nothing of ours, judges the prod platform on the emulated account."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contracts.aws_platform import example
from tests.embedded.providers.aws.on_account import OnAccount
from tests.processes import serving

pytestmark = pytest.mark.heavy

PROWLER = "prowler==5.46.0"  # bot: pypi prowler
"""With its own pins of some 240 packages: never in the project's environment."""
HERE = Path(__file__).parent
EXPECTED: dict[str, Any] = yaml.safe_load(HERE.joinpath("prowler.yaml").read_text())
REGION: str = example("aws-prod")["groundwork:foundation"]["region"]
LEAST_ANSWERED = 60
"""Checks that must have passed what the platform itself made: fewer, and the judge saw little of it."""


@dataclass(frozen=True)
class Finding:
    check: str
    status: str
    resource: str
    detail: str

    def __str__(self) -> str:
        return f"{self.check} {self.resource}: {self.detail}"


@dataclass(frozen=True)
class Judgement:
    findings: Sequence[Finding]
    unanswered: set[str]
    """Services of which the account could not say something."""

    @property
    def failed(self) -> list[Finding]:
        return [each for each in self.findings if each.status == "FAIL"]


@pytest.fixture(scope="module")
def judgement(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    folder = tmp_path_factory.mktemp("prowler")
    with serving("-I", "-m", "embedded.aws") as (address,):
        account = {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
        }
        OnAccount(folder, toolchain, "aws-prod", address).up()
        return judge(folder, account)


def judge(folder: Path, account: dict[str, str]) -> Judgement:
    uv = shutil.which("uv")
    assert uv is not None
    log = folder / "prowler.log"
    done = subprocess.run(
        [
            *(uv, "tool", "run", "--quiet", "--python", sys.executable, "--from", PROWLER, "prowler", "aws"),
            *("--region", REGION, "--aws-retries-max-attempts", "1", "--ignore-exit-code-3"),
            *("--output-formats", "json-ocsf", "--output-directory", str(folder / "found")),
            *("--no-banner", "--no-color", "--log-level", "ERROR", "--log-file", str(log)),
        ],
        env={**os.environ, **account, "AWS_REGION": REGION, "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (output,) = (folder / "found").glob("*.ocsf.json")
    found = [
        Finding(
            check=each["metadata"]["event_code"],
            status=each["status_code"],
            resource=each["resources"][0]["uid"],
            detail=each["status_detail"],
        )
        for each in json.loads(output.read_text())
    ]
    return Judgement(found, set(re.findall(r'"module": "(\w+)_service"', log.read_text())))


def waives(waiver: dict[str, Any], finding: Finding) -> bool:
    patterns: list[str] = waiver.get("resources", ["*"])
    return finding.check in waiver["checks"] and any(fnmatchcase(finding.resource, each) for each in patterns)


def test_it_has_nothing_against_the_platform_that_is_not_waived(judgement: Judgement) -> None:
    left = [str(each) for each in judgement.failed if not any(waives(one, each) for one in EXPECTED["waived"])]
    assert left == []


def test_nothing_is_waived_that_does_not_fail(judgement: Judgement) -> None:
    waived = [each | {"checks": [check]} for each in EXPECTED["waived"] for check in each["checks"]]
    assert [each for each in waived if not any(waives(each, one) for one in judgement.failed)] == []
    twice = [str(one) for one in judgement.failed if sum(waives(each, one) for each in waived) > 1]
    assert twice == []
    for each in EXPECTED["waived"]:
        count = sum(waives(each, one) for one in judgement.failed)
        assert count <= each.get("most", count), each["reason"]
    assert all(each["reason"] for each in EXPECTED["waived"])


def test_what_the_account_could_not_say_is_listed(judgement: Judgement) -> None:
    assert judgement.unanswered == EXPECTED["unanswered"].keys()


def test_it_judged_what_the_platform_made(judgement: Judgement) -> None:
    passed = {each.check for each in judgement.findings if each.status == "PASS" and "groundwork-" in str(each)}
    assert len(passed) >= LEAST_ANSWERED
