"""What a workload is (its workload.yaml), and its settings in one environment (the stack's file)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from modules.core.quantities import size_bytes
from modules.core.settings import Port, Resources, Settings, resources

Name = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$")]
TaskName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Scalar = bool | int | float | str | None
Format = Literal["onnx", "skops"]
TrainedLayer = Literal["curated", "features"]
TypeName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]

MINIMUM_TRAINING_MEMORY = "320Mi"
"""Python with scikit-learn and MLflow's client takes 240 MiB before the first row of data."""
MINIMUM_SERVING_MEMORY = "160Mi"
"""Python with ONNX Runtime and a client of the object store takes 107 MiB before the first request."""


class Column(Settings):
    """What the values of a column may be: numbers between two bounds, or one of some labels."""

    minimum: float | None = Field(default=None, allow_inf_nan=False, description="Least number.")
    maximum: float | None = Field(default=None, allow_inf_nan=False, description="Greatest number.")
    labels: list[str] | None = Field(default=None, min_length=1, description="The texts that are allowed.")
    optional: bool = Field(
        default=False, description="Whether a row may have no value: in tables of the lake, which get such a column."
    )

    @model_validator(mode="after")
    def _numbers_or_labels(self) -> Self:
        bounds = (self.minimum, self.maximum)
        if self.labels is not None and bounds != (None, None):
            raise ValueError("it has labels and bounds: a column holds numbers (minimum, maximum) or labels, not both")
        if unprintable := [label for label in self.labels or () if not label.isprintable()]:
            raise ValueError(f"label {unprintable[0]!r} is not of printable characters alone: a row is one line")
        if self.labels is None and None in bounds:
            raise ValueError("say minimum and maximum for numbers, or labels for texts")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is greater than maximum {self.maximum}")
        return self


class Data(Settings):
    """The data set: a file, stored in the raw bucket under its own digest, so that an address always means the same
    bytes; or a version of one of the workload's tables in the lake."""

    file: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="File name of the data set; or `table`."
    )
    table: TrainedLayer | None = Field(
        default=None, description="Which of the workload's tables is the data set, curated or features; or `file`."
    )
    version: int | None = Field(default=None, ge=0, description="Version of the table, 0 or more; 0 is the seed data.")
    digest: str = Field(
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="sha256:... of its bytes; of a table's, as CSV with a header and sorted lines.",
    )
    columns: dict[str, Column] = Field(
        min_length=1, description="What new rows must hold, column by column in the order of the file."
    )

    @model_validator(mode="after")
    def _file_or_table(self) -> Self:
        if (self.file is None) == (self.table is None):
            raise ValueError("say file for a data set in a file, or table and version for one in the lake")
        if (self.table is None) != (self.version is None):
            raise ValueError(f"table is {self.table} and version is {self.version}: a table needs one, a file has none")
        optional = [name for name, column in self.columns.items() if column.optional]
        if self.file is not None and optional:
            raise ValueError(f"columns {optional} are optional, but a file has all columns: remove that, or say table")
        return self

    @model_validator(mode="after")
    def _columns_can_be_named(self) -> Self:
        for name in self.columns:
            if not name.isprintable() or not name or {",", '"'} & {*name}:
                raise ValueError(
                    f"columns holds {name!r}: a name is of printable characters without commas and quotes, since it is "
                    "in the header of a CSV file"
                )
        lower = [name.lower() for name in self.columns]
        if self.table and (alike := [name for name in self.columns if lower.count(name.lower()) > 1]):
            raise ValueError(f"columns {alike} differ in capitals only, and are one column of a table: rename one")
        return self


class Parameters(Settings):
    """What a training depends on besides image and data."""

    seed: int = Field(ge=0, lt=2**32, description="Of every random choice: split and models.")
    test_size: float = Field(gt=0, lt=1, description="Share of the rows that is held out, above 0 and below 1.")
    models: dict[str, dict[str, Scalar]] = Field(min_length=1, description="Hyperparameters by model class.")


class ServingSpec(Settings):
    """How the model is stored for its server, and what it must answer."""

    format: Format = Field(
        default="onnx",
        description="onnx, or skops for a model of scikit-learn that can't be converted to ONNX.",
    )
    trusted: list[TypeName] = Field(
        default=[],
        description="Types by full name of which a model of the format skops may be made, beside those that skops "
        "trusts by itself.",
    )
    example: dict[str, float] = Field(min_length=1, description="One row by feature name that the model must answer.")

    @model_validator(mode="after")
    def _types_of_skops(self) -> Self:
        if self.trusted and self.format != "skops":
            raise ValueError(
                f"trusted names {self.trusted}, but a model of the format {self.format} has no types: remove trusted, "
                "or say format: skops"
            )
        return self


class Images(Settings):
    """In which of this repository's images a workload runs. Those that no workload of an environment names are not
    built for it."""

    training: Literal["training", "training-torch", "training-lake"] = Field(
        default="training",
        description="Trains it: with scikit-learn, XGBoost and LightGBM; with PyTorch too, and 700 MB larger; or with "
        "tables of the lake too, and 150 MB larger.",
    )


class Workload(Settings):
    """A workload.yaml: the same in every environment."""

    name: Name = Field(
        description="As its folder, its experiment and its model in MLflow: at most 20 lower-case letters, digits, "
        "dashes."
    )
    description: str = Field(min_length=1, description="One sentence for people.")
    data: Data = Field(description="What it is trained on.")
    parameters: Parameters = Field(description="How it is trained.")
    serving: ServingSpec = Field(description="How it is served.")
    images: Images = Field(default=Images(), description="In which images it runs.")
    tasks: dict[TaskName, Resources] = Field(
        default={}, description="Tasks of its DAGs (dags/), each with the resources of its pod."
    )

    @model_validator(mode="after")
    def _image_knows_tables(self) -> Self:
        if self.data.table is not None and self.images.training != "training-lake":
            raise ValueError(
                f"data.table is {self.data.table}, but images.training is {self.images.training}, which knows no "
                "tables: set images.training: training-lake"
            )
        return self


class WorkloadSettings(Settings):
    """Settings of one workload in one environment, under `groundwork:workloads`."""

    replicas: int = Field(default=1, ge=1, le=20, description="Serving pods, 1 to 20.")
    local_port: Port | None = Field(
        default=None, description="Port on 127.0.0.1 of the served model, 1024 to 65535; null: not published."
    )
    watch: bool = Field(
        default=False,
        description="Whether a new champion is tried beside what serves and released by itself: "
        "`groundwork canary NAME`, kept running beside the cluster.",
    )
    training: Resources = Field(
        default=resources(cpu=("100m", "1"), memory=("512Mi", "768Mi")), description="Of the pod that trains."
    )
    serving: Resources = Field(
        default=resources(cpu=("50m", "1"), memory=("192Mi", "384Mi")), description="Of each pod that serves."
    )

    @model_validator(mode="after")
    def _check_minimum_memory(self) -> Self:
        for part, container, least in (
            ("training", self.training, MINIMUM_TRAINING_MEMORY),
            ("serving", self.serving, MINIMUM_SERVING_MEMORY),
        ):
            if size_bytes(container.limits.memory) < size_bytes(least):
                raise ValueError(
                    f"{part}.limits.memory {container.limits.memory} is less than {least}, "
                    "which the process needs before it does anything: raise it"
                )
        return self
