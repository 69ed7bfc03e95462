"""DeepFashion2 and Fashionpedia, and twenty ways to spoil each."""

from __future__ import annotations

from pathlib import Path

from garment_writers import write_deepfashion2, write_fashionpedia
from reader_rig import Damage, Rig, both, link_out, patch, remove, swap

RECORD = "df2/train/annos/000001.json"
IMAGE = "df2/train/image/000001.jpg"


def _record(old: str, new: str, says: str) -> Damage:
    return Damage(spoil=swap(RECORD, old, new), says=f"000001.json: found {says}")


DEEPFASHION2_DAMAGES = {
    "no JSON": Damage(
        spoil=patch(RECORD, lambda data: data[:-9]),
        says="000001.json, line 1: found text that is no JSON (",
    ),
    "no UTF-8": Damage(
        spoil=patch(RECORD, lambda data: data + b"\xff"),
        says="000001.json: found bytes that are no text",
    ),
    "empty": Damage(
        spoil=patch(RECORD, lambda _: b""), says="000001.json, line 1: found text that is no JSON"
    ),
    "a list": Damage(
        spoil=patch(RECORD, lambda _: b"[1, 2]"), says="000001.json: found [1, 2], expected an obj"
    ),
    "nested without end": Damage(
        spoil=patch(RECORD, lambda _: b"[" * 200_000), says="000001.json: found text nested without"
    ),
    "key twice": _record('"item2"', '"item1"', "the key 'item1' twice in one object, expected"),
    "strange key": _record('"item2"', '"thing2"', "'thing2': {\"segmentation\": [["),
    "item that is no object": _record(
        '"source": "shop"', '"source": "shop", "item3": [1]', "'item3': [1], expected source, pair"
    ),
    "no source": _record('"source": "shop"', '"source": "web"', 'source "web", expected shop or'),
    "pair that is no number": _record("1811", '"1811"', 'pair_id "1811", expected a whole number'),
    "category outside": _record(
        '"category_id": 9', '"category_id": 14', "category_id 14 of item1, expected 1 to 13"
    ),
    "category of another name": _record(
        '"skirt"', '"shorts"', "category_name \"shorts\" of item1, expected 'skirt', as 9 is called"
    ),
    "box turned over": _record(
        "[227, 86,", "[727, 86,", "bounding_box [727, 86, 543, 455] of item1, expected right and"
    ),
    "box of three": _record("[227, 86,", "[86,", "bounding_box [86, 543, 455] of item1, expected"),
    "box of NaN": _record("[227, 86,", "[227, NaN,", "NaN, expected numbers"),
    "a landmark less": _record(
        "[237, 160, 1, 378, 153, 2,",
        "[237, 160, 1,",
        "21 numbers as landmarks of item1, expected 8",
    ),
    "state outside": _record(
        "[237, 160, 1, 378,", "[237, 160, 3, 378,", "3 among the landmarks of item1, expected 8 tim"
    ),
    "landmark that is a text": _record(
        "[237, 160, 1, 378,", '["237", 160, 1, 378,', '"237" among the landmarks of item1'
    ),
    "outline of half a corner": _record(
        "[237, 160, 378,", "[237, 378,", "[237, 378, 153, 461, 92, 519, 214, 535, 348, 440, 428, 2"
    ),
    "outline that is none": _record(
        "[[237, 160, 378, 153, 461, 92, 519, 214, 535, 348, 440, 428, 292, 420, 247, 309, "
        "237, 160]]",
        '"counts"',
        'segmentation "counts" of item1, expected a list of outlines',
    ),
    "level outside": _record(
        '"occlusion": 2', '"occlusion": 0', "occlusion 0 of item1, expected 1, 2 or 3"
    ),
    "level missing": _record('"zoom_in": 1, ', "", "zoom_in null of item1, expected 1, 2 or 3"),
    "style that is none": _record(
        '"style": 1', '"style": -1', "style -1 of item1, expected a whole number from 0"
    ),
    "missing image": Damage(
        spoil=remove(IMAGE), says="annos/000001.json: found no image, expected one in"
    ),
    "missing record": Damage(
        spoil=remove(RECORD), says="000001.jpg: found no record, expected 000001.json in"
    ),
    "name that is no number": Damage(
        spoil=both(
            lambda root: (root / IMAGE).rename(root / "df2/train/image/one.jpg"),
            lambda root: (root / RECORD).rename(root / "df2/train/annos/one.json"),
        ),
        says="found 'one.jpg', expected a number, as 000001.jpg",
    ),
    "link that leaves": Damage(
        spoil=both(remove(IMAGE), link_out(IMAGE)),
        says="'train/image/000001.jpg' leads out of",
    ),
}

TRAIN = "fashionpedia/instances_attributes_train2020.json"
WHOLE = "fashionpedia/attributes_train2020.json"


def _train(old: str, new: str, says: str) -> Damage:
    return Damage(
        spoil=swap(TRAIN, old, new),
        says=f"instances_attributes_train2020.json: found {says}",
    )


def _remove_all(root: Path) -> None:
    for path in (root / "fashionpedia").glob("*.json"):
        path.unlink()


FASHIONPEDIA_DAMAGES = {
    "no files": Damage(spoil=_remove_all, says="fashionpedia: found no file of images, expected"),
    "no JSON": Damage(
        spoil=patch(TRAIN, lambda data: data[:-9]),
        says="train2020.json, line 1: found text that is no JSON (",
    ),
    "no UTF-8": Damage(
        spoil=patch(TRAIN, lambda data: data + b"\xff"),
        says="train2020.json: found bytes that are no text",
    ),
    "a list": Damage(
        spoil=patch(TRAIN, lambda _: b"[1, 2]"), says="train2020.json: found [1, 2], expected an"
    ),
    "no images": _train('"images"', '"photos"', "null as 'images', expected a list of objects"),
    "no annotations": _train('"annotations"', '"marks"', "null as 'annotations', expected a list"),
    "no categories": _train('"categories"', '"kinds"', "null as 'categories', expected a list"),
    "category of another name": _train(
        '"name": "sweater"',
        '"name": "jumper"',
        "\"jumper\" as 2 of 'categories', expected 'sweater'",
    ),
    "attribute beyond the ontology": _train(
        '"id": 340, "name": "plant"',
        '"id": 341, "name": "plant"',
        "\"plant\" as 341 of 'attributes', expected an id of the ontology",
    ),
    "image twice": _train(
        '"id": 25, "width"', '"id": 23, "width"', "image 23 again, expected each"
    ),
    "image of no size": _train(
        '"id": 25, "width": 96', '"id": 25, "width": -96', "width -96, height 96 of image 25, exp"
    ),
    "image without a name": _train(
        '"file_name": "0a1b.jpg"', '"file_name": 5', "image 23 with file_name 5, expected a whole"
    ),
    "annotation twice": _train(
        '"id": 8918', '"id": 8917', "annotation 8917 again, expected each id once"
    ),
    "annotation of no image": _train(
        '"id": 8917, "image_id": 23',
        '"id": 8917, "image_id": 24',
        "image_id 24 of annotation 8917, expected the id of an image",
    ),
    "category outside": _train(
        '"category_id": 33', '"category_id": 46', "category_id 46 of annotation 8918, expected 0 to"
    ),
    "attribute in a gap": _train(
        "[340, 0, 161]",
        "[340, 284, 161]",
        "attribute 284 of annotation 8917, expected an id of the",
    ),
    "attribute twice": _train(
        "[340, 0, 161]", "[340, 0, 0]", "attribute_ids [340, 0, 0] of annotation 8917, expected"
    ),
    "attributes that are no list": _train(
        "[340, 0, 161]", '"340"', 'attribute_ids "340" of annotation 8917, expected a list of ids'
    ),
    "box of negative size": _train(
        '"bbox": [10, 10, 20.5, 30]',
        '"bbox": [10, 10, -20.5, 30]',
        "bbox [10, 10, -20.5, 30] of annotation 8917, expected left, top, and width",
    ),
    "area of NaN": _train('"area": 615.0', '"area": NaN', "NaN, expected numbers"),
    "outline of half a corner": _train(
        "[50, 50, 60, 50]", "[50, 50, 60]", "[50, 50, 60] as an outline of annotation 8917, expecte"
    ),
    "shape that is none": _train(
        "[[10, 10, 30.5, 10, 30.5, 40, 10, 40], [50, 50, 60, 50]]",
        "7",
        "segmentation 7 of annotation 8917, expected outlines or run lengths",
    ),
    "mask of another size": _train(
        '"size": [96, 96]', '"size": [96, 95]', "counts of 9216 pixels for a mask of 9120 of annot"
    ),
    "mask torn": _train('"counts": "', '"counts": "o', "counts "),
    "missing image": Damage(
        spoil=remove("fashionpedia/train/0c2d.jpg"),
        says="train2020.json: found 'train/0c2d.jpg', expected a file in",
    ),
    "path that leaves": Damage(
        spoil=swap(TRAIN, '"file_name": "0a1b.jpg"', '"file_name": "../../x.jpg"'),
        says="'train/../../x.jpg' is not a name under its root",
    ),
    "link that leaves": Damage(
        spoil=both(remove("fashionpedia/train/0c2d.jpg"), link_out("fashionpedia/train/0c2d.jpg")),
        says="'train/0c2d.jpg' leads out of",
    ),
    "whole photos of no image": Damage(
        spoil=swap(WHOLE, '"image_id": 70', '"image_id": 71'),
        says="attributes_train2020.json: found image_id 71, expected the id of an image",
    ),
    "whole photos in no list": Damage(
        spoil=patch(WHOLE, lambda _: b'{"rows": []}'),
        says="attributes_train2020.json: found null, expected a list of objects",
    ),
}

RIGS = {
    "deepfashion2": Rig(write=write_deepfashion2, source="df2", damages=DEEPFASHION2_DAMAGES),
    "fashionpedia": Rig(
        write=write_fashionpedia, source="fashionpedia", damages=FASHIONPEDIA_DAMAGES
    ),
}
