"""What a team writes in an afternoon: FastAPI, pydantic and ONNX Runtime; MODEL_FOLDER names the model's folder."""
# FastAPI of this version and onnxruntime are in the environment that is measured only.
# pyright: reportMissingImports=false, reportUnknownVariableType=false

import os
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from onnx_model import OnnxModel
from pydantic import BaseModel


class Question(BaseModel):
    rows: list[list[float]]


class Answer(BaseModel):
    predictions: list[str]
    probabilities: list[list[float]]


app = FastAPI()
model = OnnxModel(Path(os.environ["MODEL_FOLDER"]))


@app.post("/predict")
def predict(question: Question) -> Answer:
    labels, probabilities = model.run(np.asarray(question.rows, dtype=np.float64))
    return Answer(predictions=labels, probabilities=probabilities.tolist())
