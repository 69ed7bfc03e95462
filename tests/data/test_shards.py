"""Datasets as tar shards: what others read in them, and what we do."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest
from cloud_account import ObjectStore

from lapel.data.checking.check import check_dataset
from lapel.data.cleaning.clean import clean_dataset
from lapel.data.dataset import Dataset
from lapel.data.export import export_dataset
from lapel.data.importing import import_dataset
from lapel.data.shards import write_shards
from lapel.data.shards_ahead import ShardsAhead
from lapel.data.sketch.picture import Options
from lapel.data.sketch.writing import sketch_dataset
from lapel.data.splitting.split import split_dataset
from lapel.data.table import write_table
from lapel.schema.errors import DatasetError, StorageError, UsageError
from lapel.storage.limited_cache import VARIABLE
from lapel.storage.s3.store import S3Store

#: As webdataset parts a member's name: what belongs together, and what it is
#: (https://github.com/webdataset/webdataset, tariterators.base_plus_ext).
KEY = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")


def samples(path: Path) -> dict[str, dict[str, bytes]]:
    """The samples of a shard, as webdataset groups them: files of one key that follow another."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            match = KEY.fullmatch(member.name)
            file = tar.extractfile(member)
            assert match is not None
            assert file is not None
            assert match[1] not in found or match[1] == list(found)[-1], "keys do not mix"
            found.setdefault(match[1], {})[match[2].lower()] = file.read()
    return found


def rows_by_name(dataset: Dataset) -> dict[str, dict[str, object]]:
    return {row["image"]: row for row in dataset.table.iter_rows(named=True)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has fetched nothing yet."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def sketches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn garments with tags, landmarks, classes of pixels and places. Not to be changed."""
    folder = tmp_path_factory.mktemp("sketches") / "garments"
    options = Options(seed=5, size=64, tasks=("landmarks", "parsing", "garments"))
    return sketch_dataset(folder, 12, options=options).folder


def test_shards_hold_what_the_dataset_does(photo_dataset: Path, tmp_path: Path) -> None:
    whole = Dataset.open(photo_dataset)
    done = write_shards(photo_dataset, tmp_path / "shards", size="12KB")
    made = Dataset.open(tmp_path / "shards")
    assert done.pictures == len(made) == len(whole)
    assert made.splits() == whole.splits()
    assert rows_by_name(made) == rows_by_name(whole)
    assert len(done.shards) > 4
    for name in whole.names():
        assert made.read(name) == whole.read(name)
        assert (made.pixels(name) == whole.pixels(name)).all()
    assert not check_dataset(made.folder).faults


def test_webdataset_reads_them(photo_dataset: Path, tmp_path: Path) -> None:
    whole = rows_by_name(Dataset.open(photo_dataset))
    done = write_shards(photo_dataset, tmp_path / "shards", size="12KB")
    seen = set()
    for shard in done.shards:
        found = samples(tmp_path / "shards" / shard.name)
        assert len(found) == shard.pictures
        for files in found.values():
            told = json.loads(files.pop("json"))
            ((ending, data),) = files.items()
            row = whole[told["image"]]
            assert ending == {".jpg": "jpg", ".png": "png"}[Path(told["image"]).suffix]
            assert hashlib.sha256(data).hexdigest() == told["sha256"] == row["sha256"]
            assert told["labels"] == {"category": row["category"]}
            assert shard.name.startswith(f"{told['split']}-0")
            seen.add(told["image"])
    assert seen == set(whole)


def test_sizes_and_hashes_are_those_of_the_index(photo_dataset: Path, tmp_path: Path) -> None:
    done = write_shards(photo_dataset, tmp_path / "shards", size="30KB")
    for shard in done.shards:
        data = (tmp_path / "shards" / shard.name).read_bytes()
        assert len(data) == shard.bytes <= 30_000
        assert hashlib.sha256(data).hexdigest() == shard.sha256


def test_equal_datasets_give_equal_bytes_and_another_seed_another_order(
    photo_dataset: Path, tmp_path: Path
) -> None:
    def hashes(folder: str, seed: int) -> list[str]:
        done = write_shards(photo_dataset, tmp_path / folder, seed=seed)
        return [one.sha256 for one in done.shards]

    assert hashes("a", 0) == hashes("b", 0)
    assert hashes("c", 1) != hashes("a2", 0)


def test_pictures_of_a_class_are_spread_over_shards(tmp_path: Path, class_folders: Path) -> None:
    """A class folder after another, as datasets are sorted, would make shards of one class."""
    dataset = import_dataset("folder", class_folders, tmp_path / "sorted")
    write_shards(dataset, tmp_path / "shards", size="50KB")
    made = Dataset.open(tmp_path / "shards")
    assert made.shards is not None
    classes = defaultdict(set)
    train = made.split("train")
    shards = made.shards.shards_of(train.names())
    for shard, label in zip(shards, train.table["category"], strict=True):
        classes[int(shard)].add(label)
    assert sum(len(found) > 1 for found in classes.values()) >= len(classes) / 2


def test_packed_pictures_become_files(small_dataset: Path, tmp_path: Path) -> None:
    whole = Dataset.open(small_dataset)
    write_shards(small_dataset, tmp_path / "shards")
    made = Dataset.open(tmp_path / "shards")
    for name in whole.names()[:20]:
        assert (made.pixels(name) == whole.pixels(name)).all()
    assert made.gray
    assert not check_dataset(made.folder).faults


def test_what_lies_beside_the_table_goes_along(sketches: Path, tmp_path: Path) -> None:
    whole = Dataset.open(sketches)
    done = write_shards(sketches, tmp_path / "shards")
    made = Dataset.open(tmp_path / "shards")
    assert made.schema == whole.schema
    for spec in whole.schema:
        theirs = dict(zip(whole.names(), whole.labels(spec.name), strict=True))
        ours = dict(zip(made.names(), made.labels(spec.name), strict=True))
        assert str(ours) == str({name: theirs[name] for name in ours})
    masks = [spec.name for spec in whole.schema if spec.kind == "segmentation"]
    for files in samples(tmp_path / "shards" / done.shards[0].name).values():
        told = json.loads(files["json"])
        for task in masks:
            mask = whole.folder / "masks" / task / f"{told['image']}.png"
            assert files[f"{task}.png"] == mask.read_bytes()


def test_a_picture_that_was_changed_is_no_part_of_shards(own_dataset: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(own_dataset)
    name = dataset.names()[3]
    path = Path(dataset.image_root) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="is not the picture that was imported"):
        write_shards(own_dataset, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()


def test_what_cannot_be_is_refused(photo_dataset: Path, tmp_path: Path) -> None:
    write_shards(photo_dataset, tmp_path / "shards")
    with pytest.raises(StorageError, match="is not empty"):
        write_shards(photo_dataset, tmp_path / "shards")
    write_shards(photo_dataset, tmp_path / "shards", replace_former=True)
    with pytest.raises(DatasetError, match="is in shards already"):
        write_shards(tmp_path / "shards", tmp_path / "more")
    with pytest.raises(UsageError, match="--size: found 'much', expected a size"):
        write_shards(photo_dataset, tmp_path / "more", size="much")


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_nothing_but_a_dataset_is_replaced(own_dataset: Path, tmp_path: Path) -> None:
    pictures = Path(Dataset.open(own_dataset).image_root)
    (own_dataset / "review.jsonl").write_text("what people answered")
    before = files_of(own_dataset), files_of(pictures)
    for out in (own_dataset, pictures, own_dataset / "masks", pictures.parent):
        with pytest.raises(UsageError, match="name a folder beside them"):
            write_shards(own_dataset, out, replace_former=True)
    with pytest.raises(UsageError, match="name a folder beside them"):
        write_shards(own_dataset, own_dataset)
    assert (files_of(own_dataset), files_of(pictures)) == before
    write_shards(own_dataset, tmp_path / "shards")
    (tmp_path / "shards" / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match=r"more than a dataset in shards \(notes\.txt\)"):
        write_shards(own_dataset, tmp_path / "shards", replace_former=True)
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "train-000000.tar").write_bytes(b"of somebody else")
    with pytest.raises(DatasetError, match=r"more than a dataset in shards \(train-000000\.tar\)"):
        write_shards(own_dataset, tmp_path / "archives", replace_former=True)


@pytest.mark.parametrize("split", ["val", None])
def test_no_row_is_dropped_for_its_split(
    split: str | None, own_dataset: Path, tmp_path: Path
) -> None:
    table = Dataset.open(own_dataset).table
    splits = pl.Series("split", [split, *table["split"][1:]], dtype=pl.String)
    write_table(own_dataset, table.with_columns(splits))
    says = f"found 1 row of the split {split!r}, expected train, validation, test"
    with pytest.raises(DatasetError, match=says):
        write_shards(own_dataset, tmp_path / "shards")
    with pytest.raises(DatasetError, match=says):
        export_dataset("garmentiq", own_dataset, tmp_path / "out")
    assert export_dataset("table", own_dataset, tmp_path / "t.csv").images == 18


def test_damage_is_said(photo_dataset: Path, tmp_path: Path) -> None:
    done = write_shards(photo_dataset, tmp_path / "shards")
    shard = tmp_path / "shards" / done.shards[0].name
    made = Dataset.open(tmp_path / "shards")
    data = shard.read_bytes()
    shard.write_bytes(data[:2000])
    cut = made.names()[done.shards[0].pictures - 1]  # the last of it
    with pytest.raises(StorageError, match="ends before it; copy the shard again"):
        made.read(cut)
    shard.unlink()
    with pytest.raises(StorageError, match="could not be read"):
        made.read(made.names()[0])
    (tmp_path / "shards" / "shards.parquet").write_bytes(b"torn")
    with pytest.raises(DatasetError, match=r"the index of shards in .* could not be read"):
        Dataset.open(tmp_path / "shards")


def test_an_index_does_not_lead_out_of_its_folder(photo_dataset: Path, tmp_path: Path) -> None:
    write_shards(photo_dataset, tmp_path / "shards")
    index = tmp_path / "shards" / "shards.json"
    index.write_text(index.read_text().replace("train-000000", "../train-000000"))
    with pytest.raises(DatasetError, match="do not fit each other, or were changed"):
        Dataset.open(tmp_path / "shards")


def test_a_dataset_in_shards_is_cleaned_and_exported(photo_dataset: Path, tmp_path: Path) -> None:
    write_shards(photo_dataset, tmp_path / "shards")
    (tmp_path / "rules.yaml").write_text("category: {rename: {hat: cap}}\n")
    cleaned = clean_dataset(tmp_path / "shards", tmp_path / "rules.yaml", out=tmp_path / "cleaned")
    assert not list((tmp_path / "cleaned").glob("*.tar")), "shards stay where they are"
    again = Dataset.open(tmp_path / "cleaned")
    assert "cap" in again.schema["category"].labels
    assert again.read(again.names()[0]) == Dataset.open(photo_dataset).read(again.names()[0])
    assert cleaned.dataset.in_shards
    export_dataset("table", tmp_path / "shards", tmp_path / "table.csv")
    images = pl.read_csv(tmp_path / "table.csv")["image"]
    assert all((tmp_path / "table-images" / name).is_file() for name in images)


# In S3.


def test_a_dataset_lies_in_s3_as_shards(
    photo_dataset: Path, aws: ObjectStore, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Dataset.open(photo_dataset)
    place = f"s3://{aws.bucket()}/data/photos"
    done = write_shards(photo_dataset, place, size="50KB")
    assert done.place == place
    monkeypatch.setenv(VARIABLE, "110KB")  # of about 240 KB of shards
    made = Dataset.open(place)
    assert made.place == place
    assert made.image_root == place
    assert not list(cache.rglob("*.tar")), "no shard is fetched before it is needed"
    for name in [*made.names(), *reversed(made.names())]:
        assert made.read(name) == whole.read(name)
        there = [path.stat().st_size for path in cache.rglob("shards/*/*.tar")]
        assert 0 < sum(there) <= 110_000
    assert rows_by_name(made) == rows_by_name(whole)
    with pytest.raises(UsageError, match="holds a dataset already"):
        write_shards(photo_dataset, place)


@pytest.mark.usefixtures("cache")
def test_nothing_of_former_shards_stays_at_an_address(
    sketches: Path, photo_dataset: Path, aws: ObjectStore
) -> None:
    place = f"s3://{aws.bucket()}/data"
    former = write_shards(sketches, place, size="12KB")
    store = S3Store(place)
    assert store.exists("garments.jsonl")
    others = {"train-more.tar", "more/train-000001.tar"}
    for name in others:
        store.write(name, b"of somebody else")
    done = write_shards(photo_dataset, place, replace_former=True)
    assert len(done.shards) < len(former.shards)
    shards = {name for name in store.names() if name.endswith(".tar")}
    assert shards == {shard.name for shard in done.shards} | others
    assert not store.exists("garments.jsonl")
    assert rows_by_name(Dataset.open(place)) == rows_by_name(Dataset.open(photo_dataset))


@pytest.mark.usefixtures("cache")
def test_shards_of_others_stay_where_no_index_says_whose_they_are(
    photo_dataset: Path, aws: ObjectStore
) -> None:
    place = f"s3://{aws.bucket()}/data"
    S3Store(place).write("train-000009.tar", b"of somebody else")
    write_shards(photo_dataset, place, replace_former=True)
    assert S3Store(place).exists("train-000009.tar")


@pytest.mark.usefixtures("cache")
def test_what_is_cut_while_it_is_replaced_at_an_address_is_no_dataset(
    own_dataset: Path, aws: ObjectStore
) -> None:
    place = f"s3://{aws.bucket()}/photos"
    write_shards(own_dataset, place, size="12KB")
    last = Path(Dataset.open(own_dataset).image_root) / Dataset.open(place).names()[-1]
    data = last.read_bytes()
    last.write_bytes(data + b"changed")
    with pytest.raises(DatasetError, match="is not the picture that was imported"):
        write_shards(own_dataset, place, size="30KB", replace_former=True)
    with pytest.raises(DatasetError, match=rf"{place} is no dataset"):
        Dataset.open(place)
    last.write_bytes(data)
    done = write_shards(own_dataset, place)  # nothing stands there that could be replaced
    shards = {name for name in S3Store(place).names() if name.endswith(".tar")}
    assert shards == {shard.name for shard in done.shards}


def test_a_shard_in_s3_that_was_changed_is_refused(
    photo_dataset: Path, aws: ObjectStore, cache: Path
) -> None:
    place = f"s3://{aws.bucket()}/photos"
    done = write_shards(photo_dataset, place)
    store = S3Store(place)
    data = bytearray(store.read(done.shards[0].name))
    data[600] ^= 1
    store.write(done.shards[0].name, bytes(data))
    made = Dataset.open(place)
    with pytest.raises(StorageError, match="is not what its index says"):
        made.read(made.names()[0])
    assert not list(cache.rglob("shards/*/train-000000.tar"))


@pytest.mark.usefixtures("cache")
def test_a_dataset_in_s3_with_pictures_beside_it(own_dataset: Path, aws: ObjectStore) -> None:
    from lapel.storage.s3.transfer import push

    whole = Dataset.open(own_dataset)
    bucket = aws.bucket()
    push(own_dataset, f"s3://{bucket}/elsewhere/dataset")
    push(Path(whole.image_root), f"s3://{bucket}/elsewhere/photos")
    made = Dataset.open(f"s3://{bucket}/elsewhere/dataset")
    assert made.image_root == f"s3://{bucket}/elsewhere/photos"
    assert made.read(made.names()[0]) == whole.read(whole.names()[0])
    assert made.fingerprint == whole.fingerprint


@pytest.mark.usefixtures("cache")
def test_no_dataset_at_an_address_is_said(aws: ObjectStore) -> None:
    place = f"s3://{aws.bucket()}/nothing"
    with pytest.raises(DatasetError, match=rf"{place} is no dataset"):
        Dataset.open(place)


def test_shards_are_fetched_before_they_are_needed_and_no_more_than_fit(
    photo_dataset: Path, aws: ObjectStore, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"s3://{aws.bucket()}/photos"
    done = write_shards(photo_dataset, place, size="50KB")
    largest = max(shard.bytes for shard in done.shards)
    monkeypatch.setenv(VARIABLE, str(2 * largest))
    store = Dataset.open(place).shards
    assert store is not None
    assert store.at_once(store.index.names) == 1
    count = len(done.shards)
    with store.ahead([{number} for number in range(count)]) as ahead:
        assert isinstance(ahead, ShardsAhead)
        for number in range(count):
            name = next(n for n in store.index.names if store.index.position(n).shard == number)
            store.read(name)
            ahead.reached(number + 1)
            there = {path.name for path in cache.rglob("shards/*/*.tar")}
            assert len(there) <= 2
    monkeypatch.setenv(VARIABLE, "1GB")
    fresh = Dataset.open(place).shards
    assert fresh is not None
    assert fresh.at_once(fresh.index.names) == 0


@pytest.mark.usefixtures("cache")
def test_a_dataset_in_s3_is_not_changed_in_its_place(
    photo_dataset: Path, aws: ObjectStore, tmp_path: Path
) -> None:
    place = f"s3://{aws.bucket()}/photos"
    write_shards(photo_dataset, place)
    (tmp_path / "rules.yaml").write_text("category: {rename: {hat: cap}}\n")
    with pytest.raises(UsageError, match=rf"{place} is changed in a copy here alone"):
        clean_dataset(place, tmp_path / "rules.yaml")
    with pytest.raises(UsageError, match="is changed in a copy here alone"):
        split_dataset(place, validation=0.2, redraw=True)
    clean_dataset(place, tmp_path / "rules.yaml", out=tmp_path / "cleaned")
    cleaned = Dataset.open(tmp_path / "cleaned")
    assert cleaned.image_root == place
    assert cleaned.read(cleaned.names()[0]) == Dataset.open(place).read(cleaned.names()[0])
