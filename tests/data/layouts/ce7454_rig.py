"""CE7454's layout, and twenty ways to spoil it."""

from __future__ import annotations

from pathlib import Path

from layout_writers import write_ce7454
from reader_rig import Damage, Rig, append, both, link_out, patch, remove, swap

SPLIT = "FashionDataset/split"


def empty_train(root: Path) -> None:
    """A list of no images, and beside it rows for none."""
    for path in (root / SPLIT).glob("train*.txt"):
        path.write_text("")


DAMAGES = {
    "empty list": Damage(
        spoil=empty_train, says="split/train.txt: found 0 images, expected one or more"
    ),
    "missing list": Damage(
        spoil=remove(f"{SPLIT}/train.txt"), says="split/train.txt: found nothing, expected a file"
    ),
    "missing labels": Damage(
        spoil=remove(f"{SPLIT}/val_attr.txt"),
        says="split/val_attr.txt: found nothing, expected a file",
    ),
    "missing names of attributes": Damage(
        spoil=remove(f"{SPLIT}/list_attr_cloth.txt"),
        says="list_attr_cloth.txt: found nothing, expected a file",
    ),
    "count that lies": Damage(
        spoil=swap(f"{SPLIT}/list_attr_cloth.txt", "26 ", "27 "),
        says="list_attr_cloth.txt, line 1: found '27 ', expected the number of attributes below",
    ),
    "header missing": Damage(
        spoil=swap(f"{SPLIT}/list_attr_cloth.txt", "attribute_name   attribute_type\n", ""),
        says="line 2: found 'floral               1', expected attribute_name attribute_type",
    ),
    "type outside": Damage(
        spoil=swap(f"{SPLIT}/list_attr_cloth.txt", "denim                5", "denim 7"),
        says="line 20: found 'denim 7', expected a name and a type from 1 to 6",
    ),
    "attribute twice": Damage(
        spoil=swap(f"{SPLIT}/list_attr_cloth.txt", "graphic  ", "floral   "),
        says="list_attr_cloth.txt, line 4: found 'floral' again, expected each attribute once",
    ),
    "fewer labels than images": Damage(
        spoil=swap(f"{SPLIT}/train_attr.txt", "6 1 1 1 5 0\n", ""),
        says="train_attr.txt: found 2 rows, expected 3, as in train.txt",
    ),
    "more boxes than images": Damage(
        spoil=append(f"{SPLIT}/val_bbox.txt", "001 001 002 002"),
        says="val_bbox.txt: found 3 rows, expected 2, as in val.txt",
    ),
    "five labels": Damage(
        spoil=swap(f"{SPLIT}/train_attr.txt", "5 0 2 0 2 2", "5 0 2 0 2"),
        says="train_attr.txt, line 1: found '5 0 2 0 2', expected 6 whole numbers (class indices)",
    ),
    "no number": Damage(
        spoil=swap(f"{SPLIT}/val_attr.txt", "4 2 1 0 3 0", "4 2 1 0 3 nan"),
        says="val_attr.txt, line 2: found '4 2 1 0 3 nan', expected 6 whole numbers",
    ),
    "negative class": Damage(
        spoil=swap(f"{SPLIT}/train_attr.txt", "5 0", "-1 0"),
        says="train_attr.txt, line 1: found '-1 0 2 0 2 2', expected 6 whole numbers",
    ),
    "class outside": Damage(
        spoil=swap(f"{SPLIT}/train_attr.txt", "5 0 2 0 2 2", "5 3 2 0 2 2"),
        says="train_attr.txt, line 1: found class 3 of 'sleeve', expected 0 to 2",
    ),
    "blank line": Damage(
        spoil=swap(f"{SPLIT}/train_attr.txt", "0 2 0 3 1 1\n", "\n"),
        says="train_attr.txt, line 2: found '', expected 6 whole numbers",
    ),
    "blank line among images": Damage(
        spoil=swap(f"{SPLIT}/test.txt", "img/00006.jpg\n", "\n"),
        says="test.txt, line 1: found no name, expected that of an image",
    ),
    "missing image": Damage(
        spoil=swap(f"{SPLIT}/train.txt", "00001", "00099"),
        says="train.txt, line 2: found 'img/00099.jpg', expected a file in",
    ),
    "image twice": Damage(
        spoil=swap(f"{SPLIT}/train.txt", "00001", "00000"),
        says="train.txt, line 2: found 'img/00000.jpg' again",
    ),
    "image in two splits": Damage(
        spoil=swap(f"{SPLIT}/test.txt", "00006", "00003"),
        says="test.txt, line 1: found 'img/00003.jpg' again",
    ),
    "path that leaves": Damage(
        spoil=swap(f"{SPLIT}/train.txt", "img/00001.jpg", "../../etc/passwd"),
        says="train.txt, line 2: '../../etc/passwd' is not a name under its root",
    ),
    "absolute path": Damage(
        spoil=swap(f"{SPLIT}/train.txt", "img/00001.jpg", "/etc/passwd"),
        says="train.txt, line 2: '/etc/passwd' is not a name under its root",
    ),
    "link that leaves": Damage(
        spoil=both(
            link_out("FashionDataset/img/link.jpg"),
            swap(f"{SPLIT}/train.txt", "img/00001.jpg", "img/link.jpg"),
        ),
        says="train.txt, line 2: 'img/link.jpg' leads out of",
    ),
    "box of three": Damage(
        spoil=swap(f"{SPLIT}/train_bbox.txt", "062 062 165 300", "062 062 165"),
        says="train_bbox.txt, line 1: found '062 062 165', expected 4 whole numbers (left, top,",
    ),
    "box turned over": Damage(
        spoil=swap(f"{SPLIT}/train_bbox.txt", "062 062 165 300", "165 062 062 300"),
        says="train_bbox.txt, line 1: found a box from 165, 62 to 62, 300, expected right and",
    ),
    "landmarks cut short": Damage(
        spoil=swap(f"{SPLIT}/train_landmards.txt", " 0 0 0 0\n", "\n"),
        says="train_landmards.txt, line 1: found '076 082",
    ),
    "superscript": Damage(
        spoil=swap(f"{SPLIT}/train_attr.txt", "5 0 2 0 2 2", "5 0 2 0 2 ²"),
        says="train_attr.txt, line 1: found '5 0 2 0 2 ²', expected 6 whole numbers",
    ),
    "bytes that are no text": Damage(
        spoil=patch(f"{SPLIT}/train_attr.txt", lambda data: data + b"\xff\xfe"),
        says="train_attr.txt: found bytes that are no text",
    ),
}

RIG = Rig(write=write_ce7454, source="FashionDataset", damages=DAMAGES)
