"""DeepFashion's benchmarks of retrieval and landmarks, small, of drawn garments.

Written as their makers write them: names fill their columns, numbers have zeros in front, rows of
landmarks end in a blank, consumers are "comsumers", and an item stands twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drawn_pictures import SIZE, box_words, clothes_type, drawn, triples, write_drawn
from layout_writers import write_text

WIDTH = 71

#: Image, status.
IN_SHOP = (
    ("img/WOMEN/Dresses/id_00000002/02_1_front.jpg", "train"),
    ("img/WOMEN/Dresses/id_00000002/02_2_side.jpg", "train"),
    ("img/MEN/Shirts_Polos/id_00000009/01_1_front.jpg", "train"),
    ("img/WOMEN/Skirts/id_00000005/01_1_front.jpg", "query"),
    ("img/WOMEN/Skirts/id_00000005/01_3_back.jpg", "gallery"),
    ("img/WOMEN/Skirts/id_00000005/01_7_additional.jpg", "gallery"),
    ("img/MEN/Denim/id_00000007/01_1_front.jpg", "query"),
    ("img/MEN/Denim/id_00000007/01_4_full.jpg", "gallery"),
)
IN_SHOP_ATTRIBUTES = ("3/4 sleeve", "cotton", "exposed back zipper", "heather grey", "pink")


def listed(path: Path, header: str, rows: Sequence[str]) -> None:
    """A list: the number of rows, names of columns, the rows."""
    write_text(path, str(len(rows)), header, *rows)


def places(root: Path, names: Sequence[str], what: str, kinds: Sequence[str], header: str) -> None:
    """Pictures, their boxes and their landmarks."""
    boxes, landmarks = [], []
    for number, name in enumerate(names):
        (garment,) = drawn(number).garments
        write_drawn(root / "Img" / name, number)
        clothes = clothes_type(garment)
        kind = f"{kinds[number]}  " if kinds else ""
        start = f"{name:<{WIDTH}}" + (f"{clothes}  {kind}" if kinds else "")
        boxes.append(start + box_words(garment))
        landmarks.append(f"{name:<{WIDTH}} {clothes}  {1 + number % 5}  {triples(garment)}")
    listed(root / f"Anno/list_bbox{what}.txt", header, boxes)
    head = "image_name  clothes_type  variation_type  landmark_visibility_1  landmark_location_x_1"
    listed(root / f"Anno/list_landmarks{what}.txt", head, landmarks)


def write_in_shop(root: Path) -> None:
    """Eight pictures of four items in ``In-shop``."""
    source = root / "In-shop"
    names = [name for name, _ in IN_SHOP]
    items = [name.split("/")[3] for name in names]
    rows = [
        f"{name:<{WIDTH}}{item} {status}"
        for (name, status), item in zip(IN_SHOP, items, strict=True)
    ]
    listed(source / "Eval/list_eval_partition.txt", "image_name item_id evaluation_status", rows)
    header = "image_name  clothes_type  pose_type  x_1  y_1  x_2  y_2"
    places(source, names, "_inshop", "12113614", header)
    write_text(source / "Anno/list_item_inshop.txt", "4", *sorted(set(items)))
    attributes = source / "Anno/attributes"
    listed(attributes / "list_attr_cloth.txt", "attribute_name", IN_SHOP_ATTRIBUTES)
    listed(
        attributes / "list_attr_items.txt",
        "item_id attribute_labels",
        [
            "id_00000002 -1  1 -1 -1  1",
            "id_00000005  0 -1 -1 -1 -1",
            "id_00000007 -1  1  0 -1  0 ",
            "id_00000009  1 -1 -1  1 -1",
            "id_00000002 -1  1 -1 -1  1",
        ],
    )
    colours = ("Pink", "Pink", "Heather Grey", "Black", "Black", "Black", "Blue", "Blue")
    rows = [f"{name:<{WIDTH}}{colour}  " for name, colour in zip(names, colours, strict=True)]
    listed(attributes / "list_color_cloth.txt", "image_name  clothes_color", rows)


#: Consumer's photo, shop's photo, both of the folder; status.
PAIRS = (
    ("img/DRESSES/Sleeveless_Dress/id_00000001/", "comsumer_01.jpg", "shop_01.jpg", "train"),
    ("img/DRESSES/Sleeveless_Dress/id_00000001/", "comsumer_02.jpg", "shop_01.jpg", "train"),
    ("img/TOPS/T_Shirt/id_00000218/", "comsumer_01.jpg", "shop_01.jpg", "val"),
    ("img/TROUSERS/Pants/id_00000333/", "comsumer_01.jpg", "shop_01.jpg", "test"),
    ("img/TROUSERS/Pants/id_00000333/", "comsumer_01.jpg", "shop_02.jpg", "test"),
)


def write_consumer_to_shop(root: Path) -> None:
    """Five pairs of three items, and a shop's photo in no pair, in ``Consumer-to-shop``."""
    source = root / "Consumer-to-shop"
    rows, names = [], dict[str, None]()
    for folder, consumer, shop, status in PAIRS:
        item = folder.split("/")[3]
        rows.append(f"{folder + consumer:<{WIDTH}} {folder + shop:<{WIDTH}} {item} {status}")
        names |= dict.fromkeys((folder + consumer, folder + shop))
    header = "image_pair_name_1 image_pair_name_2 item_id evaluation_status"
    listed(source / "Eval/list_eval_partition.txt", header, rows)
    every = [*names, "img/TROUSERS/Pants/id_00000333/shop_03.jpg"]
    sources = ["1" if "/shop" in name else "2" for name in every]
    header = "image_name  clothes_type  source_type  x_1  y_1  x_2  y_2"
    places(source, every, "_consumer2shop", sources, header)
    items = ("id_00000001", "id_00000218", "id_00000333")
    write_text(source / "Anno/list_item_consumer2shop.txt", "3", *items)
    listed(
        source / "Anno/list_attr_cloth.txt",
        "attribute_name(Chinese)  attribute_name(English)  attribute_type",
        [
            "圆领  round neck  1",
            "蓝色  blue  2",
            "V领  v neck  1",
            "大圆领 (宽)  round neck  1 ",
            "雪纺  chiffon  3",
        ],
    )
    listed(
        source / "Anno/list_attr_type.txt",
        "attribute_type(Chinese)  attribute_type(English)",
        ["领型  collar shape", "颜色  colour", "材质  category"],
    )
    listed(
        source / "Anno/list_attr_items.txt",
        "item_id  attribute_labels",
        [
            "id_00000001   1 -1 -1  0 -1",
            "id_00000218  -1  1  1 -1 -1",
            "id_00000333   0  0  0  0  1",
        ],
    )


def write_landmark_benchmark(root: Path) -> None:
    """Six pictures with boxes, landmarks and joints in ``FLD``."""
    source = root / "FLD"
    names = [f"img/{number:08d}.jpg" for number in range(1, 7)]
    statuses = ("train", "train", "train", "val", "test", "test")
    rows = [f"{name:<{WIDTH}}{status}" for name, status in zip(names, statuses, strict=True)]
    listed(source / "Eval/list_eval_partition.txt", "image_name  evaluation_status", rows)
    places(source, names, "", "", "image_name  x_1  y_1  x_2  y_2")
    joints = " ".join(f"{place % 2} {place:03d} {SIZE - place:03d} " for place in range(14))
    rows = [f"{name:<{WIDTH}}1  1  {joints}" for name in names]
    header = "image_name  clothes_type  variation_type  joint_visibility_1  joint_location_x_1"
    listed(source / "Anno/list_joints.txt", header, rows)
