import sys
from pathlib import Path
from subprocess import run

FOLDER = Path("workloads/server/grpc")


def test_what_is_generated_is_of_the_protocol_file_as_it_is(tmp_path: Path) -> None:
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, str(FOLDER / "inference.proto")], check=True)
    for name in ("inference_pb2.py", "inference_pb2.pyi"):
        assert (tmp_path / FOLDER / name).read_text() == (FOLDER / name).read_text(), f"generate {name} anew"
