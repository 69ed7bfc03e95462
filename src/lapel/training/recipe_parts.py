"""The parts of a recipe, each the options of one piece of the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: Losses of a class a pixel, which may be added.
SEGMENTATION_LOSSES = ("cross_entropy", "dice", "lovasz")


class Part(BaseModel):
    """Frozen, and without room for keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PreprocessPart(Part):
    """From a photo to the pixels that the network takes.

    What is left out comes with the weights that the backbone begins from; a run's own recipe
    has it all.
    """

    height: int | None = Field(default=None, ge=1, le=4096)
    width: int | None = Field(default=None, ge=1, le=4096)
    channels: Literal[1, 3] = 3
    fit: Literal["letterbox", "stretch", "crop"] = "letterbox"
    resample: Literal["bilinear", "bicubic", "lanczos"] | None = None
    fill: int = Field(default=0, ge=0, le=255)
    from_photo: bool = False
    reduced: bool = Field(
        default=False, description="JPEGs are decoded at a half or less where that is enough"
    )
    crop_to_box: bool = Field(
        default=False, description="look at the garment's box alone, where it is known"
    )
    box_margin: float = Field(default=0.0, ge=0, description="of the box, seen beyond each edge")
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


class AugmentPart(Part):
    """What may happen to a training picture; all off by default.

    A name of ``PRESETS`` stands for a whole part: ``augment: gentle``.
    """

    flip: float = Field(default=0.0, ge=0, le=1, description="share of pictures mirrored")
    shift: int = Field(default=0, ge=0, description="pixels moved at most, each way")
    zoom: float = Field(default=0.0, ge=0, lt=1, description="0.2: 80 to 120 % of the size")
    rotate: float = Field(default=0.0, ge=0, le=180, description="degrees turned at most, each way")
    erase: float = Field(default=0.0, ge=0, le=1, description="share with a rectangle erased")
    erase_area: float = Field(default=0.33, gt=0, le=1, description="largest share of the area")
    brightness: float = Field(default=0.0, ge=0, lt=1)
    contrast: float = Field(default=0.0, ge=0, lt=1)
    crop: float = Field(default=0.0, ge=0, lt=1, description="0.2: cuts keep 80 % of the area")
    trivial: bool = Field(default=False, description="TrivialAugment: one change of any kind each")
    mixup: float = Field(default=0.0, ge=0, description="alpha of the share that is mixed in")
    cutmix: float = Field(default=0.0, ge=0, description="alpha of the area that is cut in")


class DetectorPart(Part):
    """What a network that finds garments looks at, and how much of it.

    The values are those of Mask R-CNN with a pyramid of maps (He et al. 2017, arXiv 1703.06870), as
    torchvision has them, for pictures of 800 px; small pictures and few cores want less.
    """

    strides: tuple[int, ...] = Field(
        default=(4, 8, 16, 32),
        min_length=1,
        description="of the maps of the backbone that are used",
    )
    width: int = Field(default=256, ge=1, description="channels of all maps of the pyramid")
    anchor_sizes: tuple[tuple[float, ...], ...] | None = Field(
        default=None,
        description="px of the canvas, a row a map, and one for the coarsest map halved; none: "
        "eight steps of each map",
    )
    anchor_shapes: tuple[float, ...] = Field(
        default=(0.5, 1.0, 2.0), min_length=1, description="height to width of the anchors"
    )
    anchors_learned: int = Field(default=256, ge=2, description="a picture and step")
    proposals: int = Field(
        default=1000, ge=1, description="a map before, and a picture after, those alike are dropped"
    )
    regions_learned: int = Field(default=512, ge=2, description="a picture and step")
    box_units: int = Field(default=1024, ge=1, description="of the layers that tell categories")
    mask_layers: tuple[int, ...] = Field(
        default=(256, 256, 256, 256), min_length=1, description="channels of each"
    )
    point_layers: tuple[int, ...] = Field(
        default=(512,) * 8, min_length=1, description="channels of each; where garments have points"
    )
    nms: Literal["category", "agnostic"] = Field(
        default="category",
        description="which garments that overlap are told once: those of a category, or all",
    )
    nms_overlap: float = Field(default=0.5, gt=0, lt=1, description="from which on they are one")
    least_score: float = Field(default=0.05, ge=0, lt=1, description="of what is told at all")
    detections: int = Field(default=100, ge=1, description="told of a picture at most")


class ModelPart(Part):
    """The network."""

    backbone: str = "lapel-small"
    options: dict[str, Any] = Field(default_factory=dict)
    network: Literal["plain", "landmark-attention", "mask-rcnn"] = Field(
        default="plain",
        description="landmark-attention: landmarks are found first and say where to look; "
        "mask-rcnn: each garment of a photo is found",
    )
    detector: DetectorPart = Field(default=DetectorPart(), description="of mask-rcnn")
    attention: bool = Field(
        default=True, description="of landmark-attention; false: the same network without it"
    )
    landmark_features: int = Field(
        default=0, ge=0, description="of landmark-attention: numbers read at each landmark; 0: none"
    )
    attended_stride: Literal[4, 8, 16, 32] = Field(
        default=8, description="of the map that attention acts on: pixels a step; the paper has 8"
    )
    heatmap_stride: Literal[1, 2, 4, 8] = Field(
        default=1, description="of landmark-attention's maps: pixels a step; the paper has 1"
    )
    grid: int = Field(
        default=1,
        ge=1,
        description="places a side that landmark-attention pools features to; the paper has 7",
    )
    landmarks: Literal["heatmap", "coordinates"] = Field(
        default="heatmap", description="how places are answered: a map each, or two numbers"
    )
    map_channels: int = Field(default=128, ge=1, description="of each layer that draws the maps")
    decoder: Literal["deeplabv3plus", "deeplabv3", "fpn", "unet"] = Field(
        default="deeplabv3plus", description="of segmentation: from maps to a class a pixel"
    )
    decoder_channels: int = Field(
        default=256, ge=16, description="of its layers; torchvision's deeplabv3 always has 256"
    )
    heads: Literal["separate", "joint"] = Field(
        default="separate", description="a head a task, or one vector of all labels"
    )
    hidden: int = Field(default=0, ge=0, description="units of a layer before the labels; 0: none")
    pool: Literal["average", "max"] = "average"
    dropout: float = Field(default=0.0, ge=0, lt=1)


class LossPart(Part):
    """How wrong answers count."""

    single_label: Literal["auto", "cross_entropy", "binary", "focal"] = Field(
        default="auto", description="auto: binary for joint heads, else cross_entropy"
    )
    multi_label: Literal["binary", "focal", "asymmetric"] = "binary"
    no_weight: float = Field(
        default=1.0, gt=0, description="of a tag that does not hold, against 1 of one that does"
    )
    focal_gamma: float = Field(default=2.0, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced", "effective"] = Field(
        default="none", description="rare labels count more, by their counts in train"
    )
    logit_adjustment: float = Field(
        default=0.0, ge=0, description="share of the log of each label's frequency to add"
    )
    landmarks: Literal["auto", "heatmap", "coordinates"] = Field(
        default="auto", description="what is compared: maps, or places; auto: as the head answers"
    )
    segmentation: str = Field(
        default="cross_entropy",
        description="cross_entropy, dice, lovasz, or some of them added: cross_entropy+dice",
    )
    # Below 0 a task would be unlearned.
    task_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    task_weighting: Literal["fixed", "learned"] = "fixed"

    @field_validator("segmentation")
    @classmethod
    def _names_of_losses(cls, value: str) -> str:
        names = value.replace(" ", "").split("+")
        wrong = [name for name in names if name not in SEGMENTATION_LOSSES]
        if wrong or len(set(names)) < len(names):
            raise ValueError(f"each of {', '.join(SEGMENTATION_LOSSES)} at most once, joined by +")
        return "+".join(names)


class EmbeddingPart(Part):
    """A vector a picture, learned beside the tasks: close where pictures show the same item."""

    loss: Literal["none", "triplet", "proxy-anchor"] = Field(
        default="none", description="none: nothing but the tasks is learned"
    )
    width: int = Field(default=128, ge=1, description="numbers of a vector")
    weight: float = Field(default=1.0, gt=0, description="beside the losses of the tasks")
    per_item: int = Field(default=4, ge=1, description="pictures of an item that come together")


class OptimiserPart(Part):
    """How weights move."""

    name: Literal["muon", "sgd", "adamw"] = "adamw"
    learning_rate: float = Field(gt=0)
    backbone_share: float = Field(
        default=1.0, gt=0, description="of the learning rate, for a backbone that has learned"
    )
    layer_decay: float = Field(
        default=1.0, gt=0, le=1, description="each stage below learns by so much slower"
    )
    filter_learning_rate: float = Field(
        default=0.05, gt=0, description="muon's own, for the filters of convolutions"
    )
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=0.0, ge=0, description="largest norm of the gradient; 0: none")


class SchedulePart(Part):
    """How long, and the course of the learning rate."""

    epochs: float = Field(ge=0, description="passes over the training pictures; 0.5 is half a one")
    kind: Literal["triangle", "cosine", "constant"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1, description="share of the steps")
    seconds: float | None = Field(
        default=None,
        gt=0,
        description="of learning and judging, after which it ends even if steps are left",
    )
    stages: tuple[StagePart, ...] = Field(
        default=(), description="one after another; without any, all tasks from the first step on"
    )

    @field_validator("stages")
    @classmethod
    def _shares_of_one(cls, stages: tuple[StagePart, ...]) -> tuple[StagePart, ...]:
        total = sum(stage.share for stage in stages)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of all stages add up to 1 or less, here to {total:g}")
        return stages


class StagePart(Part):
    """One stage of a schedule: for a while, some tasks count otherwise."""

    share: float = Field(gt=0, le=1, description="of the schedule's epochs")
    task_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    learning_rate: float = Field(default=1.0, gt=0, description="times that of the optimiser")


class EarlyStoppingPart(Part):
    """When to stop before the schedule ends."""

    patience: int = Field(default=0, ge=0, description="epochs without a better score; 0: never")


class TransferPart(Part):
    """What is done with a backbone that has learned elsewhere, before and beside the schedule."""

    heads_first: bool = Field(
        default=False, description="fit the heads on features computed once, then go on"
    )
    views: int = Field(
        default=1,
        ge=1,
        description="of each picture that features are made of: 2 adds the mirror "
        "image, more add augmented copies",
    )
    train: Literal["heads", "upper", "all"] = Field(
        default="all", description="what the schedule trains"
    )
    upper: int = Field(default=3, ge=1, description="stages that `train: upper` trains")
    keep_statistics: bool = Field(
        default=False,
        description="batch normalisation goes on with the means and deviations that it came with",
    )
    frozen_once: bool = Field(
        default=True,
        description="what frozen stages make of the views is computed once, not at every step",
    )


class DataPart(Part):
    """How pictures come to the network."""

    resident: Literal["auto", "always", "never"] = "auto"
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    cache: bool = Field(default=True, description="keep resized pictures for the next run")
    shard_window: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        default="auto",
        description="of how many shards from elsewhere pictures are mixed at a time; 0: of all; "
        "auto: all, if they fit the cache",
    )
    balance: str | None = Field(
        default=None, description="a task whose labels come equally often; none: as they are"
    )


class CheckpointPart(Part):
    """How much work a crash may cost."""

    every_seconds: float = Field(default=30.0, ge=0)
    every_steps: int | None = Field(default=None, ge=1)


class ThresholdsPart(Part):
    """From which probability on a tag is a yes: chosen on validation for a goal."""

    goal: Literal["f1", "label_f1", "precision", "fixed"] = "f1"
    precision: float = Field(
        default=0.9, gt=0, lt=1, description="for goal precision: at least so much of it"
    )


class DoubtfulLabelsPart(Part):
    """Whether to look for wrong training labels after learning, by out-of-sample prediction."""

    folds: int = Field(default=0, ge=0, description="networks learned for it; 0: do not look")
    epochs: float = Field(default=1.0, gt=0)

    @field_validator("folds")
    @classmethod
    def _others_are_left(cls, value: int) -> int:
        if value == 1:
            raise ValueError("a network answers for what the others learned: 2 or more, or 0")
        return value


class RangePart(Part):
    """The values that a key of a recipe may take: from ``low`` to ``high``, or ``choices``."""

    low: float | None = None
    high: float | None = None
    log: bool = Field(default=False, description="as likely between 0.01 and 0.1 as 0.1 and 1")
    step: float | None = Field(default=None, gt=0, description="between values; 1: whole numbers")
    choices: tuple[str | int | float | bool | None, ...] | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> RangePart:
        ends = self.low is not None and self.high is not None
        if ends == (self.choices is not None) or (self.low is None) != (self.high is None):
            raise ValueError("a range is low and high, or choices")
        if self.low is not None and self.high is not None:
            if not self.low < self.high:
                raise ValueError("low is below high")
            if self.log and self.low <= 0:
                raise ValueError("with log, low is above 0")
            if self.log and self.step is not None:
                raise ValueError("log and step do not go together")
        if self.choices is not None and (not self.choices or self.log or self.step):
            raise ValueError("choices are one or more values, without log and step")
        return self


class WatchPart(Part):
    """What is looked at while a network learns, and what ends a run."""

    rules: bool = Field(
        default=False, description="vanishing gradients, dead units, overfitting and the like"
    )
    stop_on: tuple[str, ...] = Field(default=(), description="rules that end the run")
    every: int = Field(default=50, ge=1, description="steps between two looks at the network")
    profile: bool = Field(default=False, description="where the time of a step goes")
    profile_steps: int = Field(default=20, ge=1, description="steps that the trace is made of")


#: Augmentation in a word. Pictures are of whole garments: all but ``strong`` keep sleeves and
#: hems in sight, since labels depend on them, and none turns colours, which are labels too.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "gentle": {"flip": 0.5, "crop": 0.15, "brightness": 0.1, "contrast": 0.1},
    "standard": {
        "flip": 0.5,
        "crop": 0.25,
        "brightness": 0.2,
        "contrast": 0.2,
        "erase": 0.25,
        "erase_area": 0.15,
        "mixup": 0.2,
    },
    "strong": {
        "flip": 0.5,
        "crop": 0.5,
        "trivial": True,
        "erase": 0.25,
        "erase_area": 0.25,
        "mixup": 0.2,
        "cutmix": 1.0,
    },
}
