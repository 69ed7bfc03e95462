"""Shards of `lapel data shards` are read by the webdataset library itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.shards import write_shards
from lapel.storage.local import sha256_of

#: What a user of webdataset writes: a line a sample, with what it found.
SCRIPT = """
import glob, hashlib, json, sys
import webdataset
shards = sorted(glob.glob(sys.argv[1] + "/*.tar"))
for sample in webdataset.WebDataset(shards, shardshuffle=False):
    told = json.loads(sample["json"])
    picture = sample.get("jpg") or sample.get("png")
    maps = {name: hashlib.sha256(data).hexdigest() for name, data in sample.items()
            if name.endswith(".png")}
    print(json.dumps([told["image"], hashlib.sha256(picture).hexdigest(), told["labels"], maps]))
"""


def test_every_sample_is_a_picture_with_its_labels(
    drawn: Path, peer: Callable[[str], Path], tmp_path: Path
) -> None:
    whole = Dataset.open(drawn)
    done = write_shards(whole, tmp_path / "shards", size="500KB")
    assert len(done.shards) > 3
    command = [str(peer("webdataset") / "python"), "-c", SCRIPT, str(tmp_path / "shards")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    found = {image: rest for image, *rest in map(json.loads, said.splitlines())}
    rows = {row["image"]: row for row in whole.table.iter_rows(named=True)}
    assert set(found) == set(rows)
    masks = [spec.name for spec in whole.schema if spec.kind == "segmentation"]
    assert masks
    for image, (sha256, labels, maps) in found.items():
        assert sha256 == rows[image]["sha256"]
        assert labels == {name: rows[image][name] for name in labels}
        assert set(labels) == {spec.name for spec in whole.schema} - set(masks)
        assert maps == {
            f"{name}.png": sha256_of(whole.folder / rows[image][name]) for name in masks
        }
