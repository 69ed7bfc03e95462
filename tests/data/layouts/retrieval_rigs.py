"""DeepFashion's benchmarks of retrieval and landmarks, and twenty ways to spoil each."""

from __future__ import annotations

from pathlib import Path

from reader_rig import Damage, Rig, Spoil, both, link_out, patch, remove, swap
from retrieval_writers import (
    IN_SHOP,
    PAIRS,
    write_consumer_to_shop,
    write_in_shop,
    write_landmark_benchmark,
)


def line(name: str, number: int, change: str) -> Spoil:
    """Change a line of a file; ``{}`` stands for what is there."""

    def spoil(root: Path) -> None:
        lines = (root / name).read_text("utf-8").split("\n")
        lines[number - 1] = change.format(lines[number - 1])
        (root / name).write_text("\n".join(lines), "utf-8")

    return spoil


def without(name: str, number: int) -> Spoil:
    """Take a row out of a list, and count the others."""

    def spoil(root: Path) -> None:
        lines = (root / name).read_text("utf-8").split("\n")
        del lines[number - 1]
        lines[0] = str(int(lines[0]) - 1)
        (root / name).write_text("\n".join(lines), "utf-8")

    return spoil


def _damaged(spoil: Spoil, says: str) -> Damage:
    return Damage(spoil=spoil, says=says)


def list_damages(root: str, what: str, first: str, kind: str) -> dict[str, Damage]:
    """What can be wrong with the lists that all have: of splits, boxes and landmarks.

    Args:
        root: the benchmark's folder.
        what: how its lists of boxes and landmarks end.
        first: the first image.
        kind: words between name and box, of the first image; empty where there are none.
    """
    splits = f"{root}/Eval/list_eval_partition.txt"
    boxes = f"{root}/Anno/list_bbox{what}.txt"
    points = f"{root}/Anno/list_landmarks{what}.txt"
    box_list, point_list = (file.rpartition("/")[2] for file in (boxes, points))
    image = f"{root}/Img/{first}"
    start = f"{kind} ".lstrip()
    return {
        "no list of splits": _damaged(
            remove(splits), "list_eval_partition.txt: found nothing, expected a file"
        ),
        "count that lies": _damaged(
            line(splits, 1, "9{}"), "list_eval_partition.txt, line 1: found '9"
        ),
        "header missing": _damaged(without(boxes, 2), f"{box_list}, line 2: found 'img/"),
        "empty list": _damaged(
            patch(splits, lambda _: b""), "list_eval_partition.txt, line 1: found nothing"
        ),
        "bytes that are no text": _damaged(
            patch(points, lambda data: data + b"\xff\xfe"),
            f"{point_list}: found bytes that are no text",
        ),
        "NUL among the bytes": _damaged(
            patch(boxes, lambda data: data + b"\0"), f"{box_list}: found bytes that are no text"
        ),
        "box cut short": _damaged(
            line(boxes, 3, f"{first} {start}001 002 003"),
            f"{box_list}, line 3: found '{start}001 002 003', expected ",
        ),
        "box turned over": _damaged(
            line(boxes, 3, f"{first} {start}050 002 003 060"),
            f"{box_list}, line 3: found '{start}050 002 003 060', expected ",
        ),
        "box of texts": _damaged(
            line(boxes, 3, f"{first} {start}001 002 nan 060"),
            f"{box_list}, line 3: found '{start}001 002 nan 060', expected ",
        ),
        "box of an unknown image": _damaged(
            swap(boxes, first, "img/strange.jpg"),
            f"{box_list}, line 3: found 'img/strange.jpg', expected an image of",
        ),
        "box missing": _damaged(
            without(boxes, 3), f"{box_list}: found no row of '{first}', expected a row for each"
        ),
        "box twice": _damaged(
            line(boxes, 4, f"{first} {start}001 002 003 004"),
            f"{box_list}, line 4: found '{first}' again",
        ),
        "type of clothes outside": _damaged(
            line(points, 3, f"{first} 4 1 0 001 002"), f"{point_list}, line 3: found '4 1 0 001"
        ),
        "variation outside": _damaged(
            line(points, 3, f"{first} 2 6" + " 0 001 002" * 4),
            f"{point_list}, line 3: found '2 6 0 001",
        ),
        "a landmark less": _damaged(
            line(points, 3, f"{first} 2 1" + " 0 001 002" * 3),
            f"{point_list}, line 3: found '2 1 0 001",
        ),
        "state outside": _damaged(
            line(points, 3, f"{first} 2 1 3 001 002" + " 0 001 002" * 3),
            f"{point_list}, line 3: found '2 1 3 001",
        ),
        "landmark that is no number": _damaged(
            line(points, 3, f"{first} 2 1 0 001 ²" + " 0 001 002" * 3),
            f"{point_list}, line 3: found '2 1 0 001 ²",
        ),
        "landmarks missing": _damaged(
            without(points, 3), f"{point_list}: found no row of '{first}', expected a row for each"
        ),
        "missing image": _damaged(remove(image), f"found '{first}', expected a file in"),
        "link that leaves": _damaged(
            both(remove(image), link_out(image)), f"'{first}' leads out of"
        ),
    }


def item_damages(root: str, items: str, names: str, values: str) -> dict[str, Damage]:
    """What can be wrong with lists of items and their attributes."""
    short = items.rpartition("/")[2]
    return {
        "item that is not listed": _damaged(
            without(f"{root}/{items}", 2), f"{short}: found no 'id_0000000"
        ),
        "names of attributes without values": _damaged(
            remove(f"{root}/{values}"), "list_attr_items.txt: found nothing, expected a file"
        ),
        "attributes counted wrong": _damaged(
            swap(f"{root}/{names}", "5\n", "6\n"), "list_attr_cloth.txt, line 1: found '6'"
        ),
        "an attribute less in a row": _damaged(
            line(f"{root}/{values}", 3, "id_00000001 1 1 1 1"),
            "list_attr_items.txt, line 3: found 4 attributes, expected 5, as in",
        ),
        "attribute of another value": _damaged(
            line(f"{root}/{values}", 4, "{} 2"),
            "list_attr_items.txt, line 4: found an attribute '2', expected 1, -1 or 0",
        ),
    }


IN = "In-shop"
IN_SPLITS = f"{IN}/Eval/list_eval_partition.txt"
FIRST = IN_SHOP[0][0]
ATTRIBUTES = "Anno/attributes/list_attr_cloth.txt"
VALUES = "Anno/attributes/list_attr_items.txt"

IN_SHOP_DAMAGES = {
    **list_damages(IN, "_inshop", FIRST, "1 1"),
    **item_damages(IN, "Anno/list_item_inshop.txt", ATTRIBUTES, VALUES),
    "item with two answers": _damaged(
        line(f"{IN}/{VALUES}", 7, "id_00000002 1 1 1 1 1"),
        "list_attr_items.txt, line 7: found 'id_00000002' again with other attributes",
    ),
    "attribute twice": _damaged(
        line(f"{IN}/{ATTRIBUTES}", 4, "3/4 sleeve"),
        "list_attr_cloth.txt, line 4: found '3/4 sleeve' again, expected each attribute once",
    ),
    "pose outside": _damaged(
        line(f"{IN}/Anno/list_bbox_inshop.txt", 3, f"{FIRST} 1 7 001 002 003 004"),
        "list_bbox_inshop.txt, line 3: found '1 7 001 002 003 004', expected type of clothes",
    ),
    "status that is none": _damaged(
        line(IN_SPLITS, 4, f"{IN_SHOP[1][0]} id_00000002 val"), "list_eval_partition.txt, line 4: "
    ),
    "item of another path": _damaged(
        line(IN_SPLITS, 4, f"{IN_SHOP[1][0]} id_00000005 train"),
        "list_eval_partition.txt, line 4: found 'img/WOMEN/Dresses/id_00000002/02_2_side.jpg id_",
    ),
    "item in train and gallery": _damaged(
        line(IN_SPLITS, 4, f"{IN_SHOP[1][0]} id_00000002 gallery"),
        "line 4: found 'id_00000002' in gallery, expected only train, where it was before",
    ),
    "image twice": _damaged(
        line(IN_SPLITS, 4, f"{FIRST} id_00000002 train"), f"line 4: found '{FIRST}' again"
    ),
    "path that leaves": _damaged(
        line(IN_SPLITS, 4, "img/WOMEN/../id_00000002/x.jpg id_00000002 train"),
        "'img/WOMEN/../id_00000002/x.jpg' is not a name under its root",
    ),
    "image without a colour": _damaged(
        line(f"{IN}/Anno/attributes/list_color_cloth.txt", 3, FIRST),
        "list_color_cloth.txt, line 3: found '', expected a colour",
    ),
}

C2S = "Consumer-to-shop"
C2S_SPLITS = f"{C2S}/Eval/list_eval_partition.txt"
C2S_FIRST = PAIRS[0][0] + PAIRS[0][1]
C2S_SHOP = PAIRS[0][0] + PAIRS[0][2]

C2S_DAMAGES = {
    **list_damages(C2S, "_consumer2shop", C2S_FIRST, "1 2"),
    **item_damages(
        C2S,
        "Anno/list_item_consumer2shop.txt",
        "Anno/list_attr_cloth.txt",
        "Anno/list_attr_items.txt",
    ),
    "item with two answers": _damaged(
        line(f"{C2S}/Anno/list_attr_items.txt", 4, "id_00000001 1 1 1 1 1"),
        "list_attr_items.txt, line 4: found 'id_00000001' again with other attributes",
    ),
    "types of attributes missing": _damaged(
        remove(f"{C2S}/Anno/list_attr_type.txt"), "list_attr_type.txt: found nothing, expected a"
    ),
    "type of attribute outside": _damaged(
        line(f"{C2S}/Anno/list_attr_cloth.txt", 4, "蓝色 blue 4"),
        "list_attr_cloth.txt, line 4: found '蓝色 blue 4', expected a Chinese name, an English",
    ),
    "attribute without English": _damaged(
        line(f"{C2S}/Anno/list_attr_cloth.txt", 4, "蓝色 2"),
        "list_attr_cloth.txt, line 4: found '蓝色 2', expected a Chinese name, an English",
    ),
    "attribute twice": _damaged(
        line(f"{C2S}/Anno/list_attr_cloth.txt", 5, "圆领 round neck 1"),
        "list_attr_cloth.txt: found 'round neck (圆领)' 2 times, expected each name once",
    ),
    "source outside": _damaged(
        line(f"{C2S}/Anno/list_bbox_consumer2shop.txt", 3, f"{C2S_FIRST} 1 3 001 002 003 004"),
        "list_bbox_consumer2shop.txt, line 3: found '1 3 001 002 003 004', expected type of",
    ),
    "pair the other way round": _damaged(
        line(C2S_SPLITS, 3, f"{C2S_SHOP} {C2S_FIRST} id_00000001 train"),
        "list_eval_partition.txt, line 3: found 'img/DRESSES/Sleeveless_Dress/id_00000001/shop_01",
    ),
    "pair of two items": _damaged(
        line(C2S_SPLITS, 3, f"{C2S_FIRST} {PAIRS[2][0]}shop_01.jpg id_00000001 train"),
        "list_eval_partition.txt, line 3: found 'img/DRESSES/",
    ),
    "half a pair": _damaged(
        line(C2S_SPLITS, 3, f"{C2S_FIRST} id_00000001 train"),
        f"list_eval_partition.txt, line 3: found '{C2S_FIRST} id_00000001 train', expected img/",
    ),
    "status that is none": _damaged(
        line(C2S_SPLITS, 5, f"{PAIRS[2][0]}comsumer_01.jpg {PAIRS[2][0]}shop_01.jpg id_00000218 x"),
        "list_eval_partition.txt, line 5: found 'img/TOPS/T_Shirt/",
    ),
    "item in two splits": _damaged(
        swap(C2S_SPLITS, "id_00000333 test", "id_00000333 val"),
        "line 7: found 'id_00000333' in test, expected only val, as before",
    ),
}

FLD = "FLD"
FLD_SPLITS = f"{FLD}/Eval/list_eval_partition.txt"
FLD_FIRST = "img/00000001.jpg"

FLD_DAMAGES = {
    **list_damages(FLD, "", FLD_FIRST, ""),
    "no boxes": _damaged(remove(f"{FLD}/Anno/list_bbox.txt"), "list_bbox.txt: found nothing"),
    "no landmarks": _damaged(
        remove(f"{FLD}/Anno/list_landmarks.txt"), "list_landmarks.txt: found nothing, expected"
    ),
    "status that is none": _damaged(
        line(FLD_SPLITS, 3, f"{FLD_FIRST} query"),
        "list_eval_partition.txt, line 3: found 'img/00000001.jpg query', expected an image and",
    ),
    "image twice": _damaged(
        line(FLD_SPLITS, 4, f"{FLD_FIRST} train"), "line 4: found 'img/00000001.jpg' again"
    ),
    "path that leaves": _damaged(
        line(FLD_SPLITS, 3, "../../etc/passwd train"), "'../../etc/passwd' is not a name under its"
    ),
    "a joint less": _damaged(
        line(f"{FLD}/Anno/list_joints.txt", 3, f"{FLD_FIRST} 1 1" + " 0 001 002" * 13),
        "list_joints.txt, line 3: found '1 1 0 001",
    ),
    "state of a joint outside": _damaged(
        line(f"{FLD}/Anno/list_joints.txt", 3, f"{FLD_FIRST} 1 1 2 001 002" + " 0 001 002" * 13),
        "list_joints.txt, line 3: found '1 1 2 001",
    ),
}

RIGS = {
    "deepfashion-in-shop": Rig(write=write_in_shop, source=IN, damages=IN_SHOP_DAMAGES),
    "deepfashion-consumer-to-shop": Rig(
        write=write_consumer_to_shop, source=C2S, damages=C2S_DAMAGES
    ),
    "deepfashion-landmarks": Rig(write=write_landmark_benchmark, source=FLD, damages=FLD_DAMAGES),
}
