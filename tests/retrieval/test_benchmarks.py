"""The public benchmarks of retrieval, from their own files to their own numbers."""

from __future__ import annotations

import json
from pathlib import Path

from retrieval_writers import write_consumer_to_shop, write_in_shop
from typed_commands import lapel

from lapel.data.importing import import_dataset
from lapel.evaluation.search import evaluate_search
from lapel.retrieval.protocols import protocol_of


def test_in_shop_from_its_files(seeing_bundle: Path, tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    dataset = import_dataset("deepfashion-in-shop", tmp_path / "In-shop", tmp_path / "data")
    protocol = protocol_of(dataset, "test")
    assert protocol.name == "deepfashion-in-shop"
    assert (len(protocol.queries), len(protocol.gallery)) == (2, 3)
    evaluation = evaluate_search(seeing_bundle, dataset.folder)
    assert (evaluation.queries, evaluation.without_match) == (2, 0)
    assert evaluation.numbers["hit_rate_at_5"].value == 1  # three pictures are in the gallery
    judged = (seeing_bundle, dataset.folder)
    done = lapel("search", "evaluate", *judged, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "FashionNet 2016" in done.stdout  # published rows stand beside
    (table,) = json.loads((tmp_path / "out" / "metrics.json").read_text())["benchmark"]
    rows = {row["method"]: row for row in table["rows"]}
    assert rows["FashionNet 2016"]["numbers"]["hit_rate_at_20"] > 0.1
    ours = rows["this model"]
    assert ours["ours"]
    assert ours["numbers"]["hit_rate_at_5"] == 1
    assert ours["intervals"]["hit_rate_at_5"]["value"] == 1


def test_consumer_to_shop_from_its_files(seeing_bundle: Path, tmp_path: Path) -> None:
    write_consumer_to_shop(tmp_path)
    source = tmp_path / "Consumer-to-shop"
    dataset = import_dataset("deepfashion-consumer-to-shop", source, tmp_path / "data")
    protocol = protocol_of(dataset, "test")
    assert protocol.name == "deepfashion-consumer-to-shop"
    gallery = protocol.gallery.names()
    # Of validation and test together; what a training pair shows is not searched among.
    assert "img/TOPS/T_Shirt/id_00000218/shop_01.jpg" in gallery
    assert "img/TROUSERS/Pants/id_00000333/shop_02.jpg" in gallery
    assert not any("id_00000001" in name for name in gallery)
    assert protocol.queries.names() == ["img/TROUSERS/Pants/id_00000333/comsumer_01.jpg"]
    evaluation = evaluate_search(seeing_bundle, dataset.folder)
    assert evaluation.queries == 1
    assert not any("Ours is of" in note for table in evaluation.tables for note in table.notes)
    (table,) = evaluate_search(seeing_bundle, dataset.folder, split="validation").tables
    assert "published rows of the test split" in table.notes[0]
