import hashlib
from pathlib import Path
from typing import Any

import pytest

from workloads.artifacts import add_object, digest_of, download_folder, folder_digest, model_digest, split_s3


def test_a_model_digest_covers_paths_and_contents_in_one_order() -> None:
    one = model_digest({"b": "sha256:2", "a/c": "sha256:1"})
    assert one == model_digest({"a/c": "sha256:1", "b": "sha256:2"})
    assert one == "sha256:" + hashlib.sha256(b"a/c\0sha256:1\nb\0sha256:2\n").hexdigest()
    assert one != model_digest({"a/c": "sha256:2", "b": "sha256:1"})
    assert one != model_digest({"a": "sha256:1", "b": "sha256:2"})


def test_a_folder_has_the_digest_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"x")
    assert folder_digest(tmp_path) == model_digest({"deep/file": digest_of(b"x")})


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no files"):
        folder_digest(tmp_path)


@pytest.mark.parametrize("address", ["s3://bucket", "s3://bucket/", "s3:///key", "http://bucket/key", "", "bucket/key"])
def test_what_is_no_s3_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not an address of the form s3://bucket/key"):
        split_s3(address)


def test_an_s3_address_has_a_bucket_and_a_key() -> None:
    assert split_s3("s3://bucket/some/key") == ("bucket", "some/key")


def test_a_folder_is_downloaded_whole_and_nothing_beside_it(store: Any, tmp_path: Path) -> None:
    for key in ("models/1/MLmodel", "models/1/data/x", "models/1/empty/", "models/10/MLmodel"):
        store.put_object(Bucket="b", Key=key, Body=key.encode())
    download_folder(store, "s3://b/models/1", tmp_path)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"MLmodel", "data/x"}


def test_nothing_at_an_address_is_an_error(store: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="s3://b/models/1"):
        download_folder(store, "s3://b/models/1", tmp_path)


def test_a_key_that_leaves_the_folder_is_refused(store: Any, tmp_path: Path) -> None:
    store.put_object(Bucket="b", Key="models/1/../../escaped", Body=b"")
    with pytest.raises(ValueError, match="outside"):
        download_folder(store, "s3://b/models/1", tmp_path / "inside")
    assert not list(tmp_path.rglob("escaped"))


def test_what_lies_at_an_address_of_its_content_is_never_overwritten(store: Any) -> None:
    add_object(store, "raw", "data/toys/1/toys.csv", b"first", "text/csv")
    add_object(store, "raw", "data/toys/1/toys.csv", b"second", "text/csv")
    assert store.objects["raw", "data/toys/1/toys.csv"] == b"first"
