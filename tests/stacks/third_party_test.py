import pytest

from modules.core.errors import UserError
from modules.jenkins.service import JENKINS
from modules.registry.third_party import read_third_party
from stacks.configuration import parse
from stacks.third_party import third_party_images

NOTHING_SIMULATED = {"groundwork:foundation": {"simulated_nodes": 0}}


def test_an_unresolved_image_wants_a_simulated_node() -> None:
    with pytest.raises(UserError) as caught:
        third_party_images(JENKINS, parse(NOTHING_SIMULATED, source="test"))
    message = str(caught.value)
    assert message.startswith("groundwork:foundation.simulated_nodes is 0, but jenkins can run on no other node")
    assert "Set simulated_nodes to 1, or set groundwork:jenkins.enabled to false" in message


def test_a_resolved_image_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        name: image.model_copy(update={"digest": f"sha256:{1:064x}"}) for name, image in read_third_party().items()
    }
    monkeypatch.setattr("stacks.third_party.read_third_party", lambda: found)
    assert third_party_images(JENKINS, parse(NOTHING_SIMULATED, source="test")) == found
