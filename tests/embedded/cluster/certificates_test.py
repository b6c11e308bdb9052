import datetime
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from embedded.cluster import ClusterSpec
from embedded.cluster.certificates import CA_DAYS, LEAF_DAYS, RENEW_DAYS, ensure, ensure_authority, issue, leaves, main
from embedded.cluster.layout import Layout
from modules.core.errors import UserError

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def layout(spec: ClusterSpec) -> Layout:
    made = Layout(spec.state_dir)
    made.make()
    ensure(made, spec.name, spec.addresses, NOW)
    return made


def read(layout: Layout, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(layout.certificate(name).read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_certificate_is_signed_by_the_clusters_own_authority(spec: ClusterSpec, layout: Layout) -> None:
    authority = read(layout, "ca")
    for leaf in leaves(spec.name, spec.addresses):
        read(layout, leaf.name).verify_directly_issued_by(authority)


def test_private_keys_are_readable_by_their_owner_only(layout: Layout) -> None:
    assert stat.S_IMODE(layout.pki.stat().st_mode) == 0o700
    for key in layout.pki.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_api_server_is_known_by_its_service_and_its_addresses(layout: Layout) -> None:
    names = read(layout, "kube-apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"kubernetes.default.svc.cluster.local", "10.81.64.1", "10.81.0.1", "127.0.0.1", "localhost"} <= {
        str(name.value) for name in names
    }


def test_the_kubelet_is_the_node_that_the_node_authorizer_knows(spec: ClusterSpec, layout: Layout) -> None:
    subject = read(layout, "kubelet").subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == f"system:node:{spec.name}"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"


def test_a_servers_certificate_is_no_clients_and_the_other_way_round(spec: ClusterSpec, layout: Layout) -> None:
    for leaf in leaves(spec.name, spec.addresses):
        usage = read(layout, leaf.name).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        wanted = ExtendedKeyUsageOID.SERVER_AUTH if leaf.hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        assert list(usage) == [wanted]


def test_only_the_administrator_is_a_master(spec: ClusterSpec) -> None:
    masters = [leaf.name for leaf in leaves(spec.name, spec.addresses) if "system:masters" in leaf.groups]
    assert masters == ["supervisor"]


def test_a_second_time_changes_nothing(spec: ClusterSpec, layout: Layout) -> None:
    before = contents(layout.pki)
    ensure(layout, spec.name, spec.addresses, NOW)
    assert contents(layout.pki) == before


def test_a_certificate_near_its_end_is_renewed_under_the_same_authority(spec: ClusterSpec, layout: Layout) -> None:
    before = contents(layout.pki)
    ensure(layout, spec.name, spec.addresses, NOW + datetime.timedelta(days=LEAF_DAYS - RENEW_DAYS + 1))
    after = contents(layout.pki)
    assert after["ca.crt"] == before["ca.crt"]
    assert after["kubelet.crt"] != before["kubelet.crt"]
    assert after["service-account.key"] == before["service-account.key"]


def test_a_running_clusters_certificates_are_renewed_by_a_process_of_their_own(
    spec: ClusterSpec, layout: Layout
) -> None:
    layout.spec.write_text(spec.to_json())
    layout.certificate("kubelet-server").unlink()
    main(layout.spec)
    assert read(layout, "kubelet-server").not_valid_after_utc > datetime.datetime.now(datetime.UTC)


def test_an_authority_near_its_end_is_renewed_with_all_it_signed(spec: ClusterSpec, layout: Layout) -> None:
    before = contents(layout.pki)
    ensure(layout, spec.name, spec.addresses, NOW + datetime.timedelta(days=CA_DAYS - RENEW_DAYS + 1))
    after = contents(layout.pki)
    assert after["ca.crt"] != before["ca.crt"]
    assert after["kubelet.crt"] != before["kubelet.crt"]


def test_a_server_with_other_addresses_gets_another_certificate(spec: ClusterSpec, layout: Layout) -> None:
    before = contents(layout.pki)
    ensure(layout, spec.name, replace(spec, network="10.99.0.0/16").addresses, NOW)
    after = contents(layout.pki)
    assert after["registry.crt"] != before["registry.crt"]
    assert after["kube-proxy.crt"] == before["kube-proxy.crt"]


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n"])
def test_a_damaged_certificate_is_made_anew(spec: ClusterSpec, layout: Layout, damage: bytes) -> None:
    layout.certificate("kwok").write_bytes(damage)
    ensure(layout, spec.name, spec.addresses, NOW)
    read(layout, "kwok").verify_directly_issued_by(read(layout, "ca"))


def test_a_client_is_issued_a_certificate_that_ends_soon_and_is_in_no_file(layout: Layout, spec: ClusterSpec) -> None:
    ensure(layout, spec.name, spec.addresses)
    before = contents(layout.pki)
    pem, key = issue(layout, "someone", groups=["readers"], valid=datetime.timedelta(minutes=15))
    made = x509.load_pem_x509_certificate(pem.encode())
    made.verify_directly_issued_by(read(layout, "ca"))
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "someone"
    assert made.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "readers"
    left = made.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(minutes=14) < left <= datetime.timedelta(minutes=15)
    assert "PRIVATE KEY" in key
    assert contents(layout.pki) == before


def test_an_authority_of_its_own_signs_for_servers_and_is_made_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "authority")
    ensure_authority(layout, "databases")
    before = contents(layout.pki)
    ensure_authority(layout, "databases")
    assert contents(layout.pki) == before
    pem, _ = issue(layout, "server", hosts=["db.example", "10.1.2.3"], valid=datetime.timedelta(days=1))
    made = x509.load_pem_x509_certificate(pem.encode())
    made.verify_directly_issued_by(read(layout, "ca"))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {"db.example", "10.1.2.3"}


def test_a_cluster_without_an_authority_issues_nothing(spec: ClusterSpec) -> None:
    with pytest.raises(UserError, match="no authority"):
        issue(Layout(spec.state_dir), "someone", valid=datetime.timedelta(minutes=15))
