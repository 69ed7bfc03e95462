"""The shapes of requests and answers, as OpenAPI describes them; with examples."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

PREDICTION: dict[str, Any] = {
    "image": "shirt.jpg",
    "width": 600,
    "height": 800,
    "answers": {
        "category": {
            "label": "shirt",
            "probability": 0.93,
            "top": [
                {"label": "shirt", "probability": 0.93},
                {"label": "blouse", "probability": 0.05},
            ],
        }
    },
}

ANSWER: dict[str, Any] = {
    "model": "garments",
    "fingerprint": "0f3a9c5d2e71b846",
    "version": "5b1f0c9a7d3e",
    "predictions": [PREDICTION],
}


class ErrorText(BaseModel):
    """What is wrong."""

    code: str = Field(description="A word for programs, in snake_case.")
    message: str = Field(description="What was found, what was expected, what to do.")


class ErrorAnswer(BaseModel):
    """Every answer that is no 200."""

    error: ErrorText


class MapPicture(BaseModel):
    """A gray picture that spans the photo exactly, brighter where the model looked more."""

    width: int
    height: int
    png: str = Field(description="The bytes of a PNG in base64.")


class PredictedPicture(BaseModel):
    """What is said of one picture: `answers` by task; with two models `garments`, each with its own
    `answers`; or the `error` of a picture, among others, that cannot be read.
    """

    image: str = Field(description="The name of its file, or image[0], image[1], ...")
    width: int | None = Field(None, description="Of the upright picture, in pixels.")
    height: int | None = None
    answers: dict[str, Any] | None = Field(None, description="Task to its answer.")
    garments: list[dict[str, Any]] | None = Field(
        None, description="What was found, the surest first, each with `answers` of its own."
    )
    maps: dict[str, MapPicture] | None = None
    error: ErrorText | None = None


class PredictAnswer(BaseModel):
    """Answers for all pictures of a request."""

    model_config = ConfigDict(json_schema_extra={"example": ANSWER})

    model: str
    fingerprint: str = Field(description="Of the schema: changes with any name or order.")
    version: str = Field(description="Of the bundle: changes when it is replaced.")
    predictions: list[PredictedPicture] = Field(description="One a picture, in order.")


class ModelBrief(BaseModel):
    """A model of the server."""

    model: str
    version: str
    fingerprint: str
    two_stage: bool
    tasks: list[str]


class ModelList(BaseModel):
    """The models of the server; the first answers where a request names none."""

    models: list[ModelBrief]


class ModelAnswer(BaseModel):
    """All that a model says of itself."""

    model_config = ConfigDict(extra="allow")

    model: str
    version: str
    fingerprint: str
    schema_: list[dict[str, Any]] = Field(alias="schema", description="Tasks and their labels.")
    engine: str = Field(description="What runs the network.")
    engine_why: str = Field(description="Why it was chosen.")
    two_stage: bool
    maps: list[str] = Field(description="Names of the maps that `maps=true` gives.")
    thresholds: dict[str, dict[str, float]] = Field(
        description="Task of tags, then label, to the probability from which on it is a yes; above "
        "1: never."
    )
    preprocess: dict[str, Any]
    scores: dict[str, dict[str, Any]] = Field(description="Split to metric to value.")
    limits: dict[str, Any]
    card: str = Field(description="The model card, Markdown.")


class StatusAnswer(BaseModel):
    """How the server is."""

    status: str = Field(examples=["ok"])


_BYTES = {"schema": {"type": "string", "format": "binary"}}

#: The body of a request with pictures.
PICTURES: dict[str, Any] = {
    "required": True,
    "description": "One picture (JPEG, PNG or WebP), or a form with one or many files.",
    "content": {
        "image/jpeg": _BYTES,
        "image/png": _BYTES,
        "image/webp": _BYTES,
        "application/octet-stream": _BYTES,
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "file": {"type": "array", "items": {"type": "string", "format": "binary"}}
                },
                "required": ["file"],
            }
        },
    },
}

_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}

_MEANINGS = {
    400: "The body is torn, empty or malformed",
    401: "No token, or another one",
    403: "A page of another site",
    404: "No such model, or nothing there",
    405: "Another method",
    406: "No such form of answer",
    408: "The request came too slowly",
    413: "Too many bytes, pixels or pictures",
    415: "No picture that is accepted",
    421: "Called by a name that is not this machine's own",
    422: "A parameter that cannot be",
    500: "A fault of the server; its log says more",
    503: "Too much is waiting; come again after Retry-After",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its description."""
    return {
        status: {
            "model": ErrorAnswer,
            "description": _MEANINGS[status],
            **({"headers": _RETRY} if status == 503 else {}),
        }
        for status in statuses
    }
