# /// script
# requires-python = "==3.11.*"
# dependencies = ["tritonclient[grpc]==2.73.0"]
# ///
"""Asks a server of the tests' classifier, or of any other model, by tritonclient: run in the environment
that is named above, since it wants a newer protobuf than Pulumi. `uv lock --script` pins what that is made of.

Arguments: address, name of the model, one row as JSON; behind TLS also the file of the authority's certificate, and
the host's name. Prints the answers as JSON.
"""

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as tritonclient


def main(address: str, model: str, row: str, authority: str | None = None, host: str = "") -> None:
    library: Any = tritonclient
    names = [("grpc.ssl_target_name_override", host)] if authority else None
    client = library.InferenceServerClient(
        address, ssl=authority is not None, root_certificates=authority, channel_args=names
    )
    values = np.array([json.loads(row)], dtype=np.float64)
    tensor = library.InferInput("input", list(values.shape), "FP64")
    tensor.set_data_from_numpy(values)
    answer = client.infer(model, [tensor], request_id="mine")
    metadata = client.get_model_metadata(model, as_json=True)
    try:
        client.infer("no-such-model", [tensor])
        refused = None
    except library.InferenceServerException as error:
        refused = {"status": error.status(), "message": error.message()}
    found = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(model),
        "server": client.get_server_metadata(as_json=True)["name"],
        "versions": metadata["versions"],
        "id": answer.get_response().id,
        "digest": answer.get_response().parameters["model_digest"].string_param,
        "label": [each.decode() for each in answer.as_numpy("label")],
        "probabilities": answer.as_numpy("probabilities").tolist(),
        "refused": refused,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
