"""A runtime class for MLServer that answers with ONNX Runtime: the least that serves the model as our server does."""
# MLServer is in its own environment only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import get_model_uri
from onnx_model import OnnxModel


class OnnxRuntime(MLModel):
    async def load(self) -> bool:
        self.model = OnnxModel(Path(await get_model_uri(self._settings)))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows: Any = NumpyCodec.decode_input(payload.inputs[0])
        labels, probabilities = self.model.run(rows)
        outputs: list[Any] = [
            StringCodec.encode_output("label", labels),
            NumpyCodec.encode_output("probabilities", probabilities),
        ]
        return InferenceResponse(id=payload.id, model_name=self.name, model_version=self.version, outputs=outputs)
