import pytest

from embedded.cluster import Cluster, ClusterSpec, Status, Wording, host
from modules.core.errors import UserError
from tests.scripts.cli.fakes import always


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, r"see the logs in \S+logs\. Run again: what has started until now goes on"),
        ("a.key", r"Where the machine is only slow, raise a\.key\. Then run again"),
    ],
)
def test_a_start_that_is_given_up_names_the_setting_where_there_is_one(
    spec: ClusterSpec, monkeypatch: pytest.MonkeyPatch, setting: str | None, expected: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(host, "check", always(None))
    monkeypatch.setattr(Cluster, "_launch", always(None))
    monkeypatch.setattr(Cluster, "status", always(Status(state="starting", message="starting etcd")))
    with pytest.raises(UserError, match=f"nothing has moved for .*, still starting etcd: .*{expected}"):
        Cluster(spec, start_seconds=-1, wording=Wording(start_seconds=setting)).start()
