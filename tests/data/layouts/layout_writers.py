"""Small sources in the public layouts, written byte for byte as their makers write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def write_photo(path: Path, level: int, *, width: int = 5, height: int = 6) -> None:
    """A plain picture whose gray tells it from others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), level, np.uint8)).save(path)


def write_text(path: Path, *lines: str) -> None:
    """Lines with LF at the end of each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


#: The challenge's list of attributes, with the blank at the end of its first line.
CE7454_ATTRIBUTES = (
    "26 ",
    "attribute_name   attribute_type",
    "floral               1",
    "graphic              1",
    "striped              1",
    "embroidered          1",
    "pleated              1",
    "solid                1",
    "lattice              1",
    "long_sleeve          2",
    "short_sleeve         2",
    "sleeveless           2",
    "maxi_length          3",
    "mini_length          3",
    "no_dress             3",
    "crew_neckline        4",
    "v_neckline           4",
    "square_neckline      4",
    "no_neckline          4",
    "denim                5",
    "chiffon              5",
    "cotton               5",
    "leather              5",
    "faux                 5",
    "knit                 5",
    "tight                6",
    "loose                6",
    "conventional         6",
)


def write_ce7454(root: Path) -> None:
    """Three pictures to train, two to validate, two to test, in ``FashionDataset``."""
    source = root / "FashionDataset"
    for number in range(7):
        write_photo(source / f"img/0000{number}.jpg", 30 * number, width=200, height=300)
    split = source / "split"
    write_text(split / "list_attr_cloth.txt", *CE7454_ATTRIBUTES)
    write_text(split / "train.txt", *(f"img/0000{number}.jpg" for number in range(3)))
    write_text(split / "train_attr.txt", "5 0 2 0 2 2", "0 2 0 3 1 1", "6 1 1 1 5 0")
    write_text(split / "train_bbox.txt", "062 062 165 300", "001 010 199 299", "050 051 151 252")
    write_text(
        split / "train_landmards.txt",
        "076 082 112 090 077 278 148 243 086 279 139 248 0 0 0 0",
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "060 061 100 062 055 240 149 241 0 0 0 0 0 0 0 0",
    )
    write_text(split / "val.txt", "img/00003.jpg", "img/00004.jpg")
    write_text(split / "val_attr.txt", "1 0 2 2 0 2", "4 2 1 0 3 0")
    write_text(split / "val_bbox.txt", "001 001 200 300", "020 030 120 230")
    write_text(
        split / "val_landmards.txt", *["000 082 112 090 077 278 148 243 0 0 0 0 0 0 0 0"] * 2
    )
    write_text(split / "test.txt", "img/00006.jpg", "img/00005.jpg")
    write_text(split / "test_bbox.txt", "010 011 112 213", "010 011 112 213")
    write_text(split / "test_landmards.txt", *["0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"] * 2)


def write_nsysu(root: Path) -> None:
    """Categories (with the hand-out's blank), attributes (one cell empty) and a test list."""
    for number in range(1, 4):
        write_photo(root / f"deep_fashion/train/0000{number}.jpg", 40 * number)
        write_photo(root / f"deep_fashion/test/0000{number}.jpg", 40 * number + 9)
    write_text(
        root / "category.csv",
        "file_path, category_label",
        "deep_fashion/train/00001.jpg,1",
        "deep_fashion/train/00002.jpg,0",
        "deep_fashion/train/00003.jpg,9",
    )
    write_text(
        root / "attributes.csv",
        "file_path,attribute_label",
        "deep_fashion/train/00001.jpg,3 10 11",
        "deep_fashion/train/00002.jpg,0 14",
        "deep_fashion/train/00003.jpg,",
    )
    write_text(
        root / "test.csv",
        "file_path",
        "deep_fashion/test/00002.jpg",
        "deep_fashion/test/00001.jpg",
        "deep_fashion/test/00003.jpg",
    )


def write_prography(root: Path) -> None:
    """Four photos with five labels each; one cell is empty."""
    source = root / "dataset"
    for number, name in enumerate(("jean_0001", "jean_0002", "coat_0013", "slacks_0001")):
        write_photo(source / f"images/{name}.jpg", 50 * number)
    write_text(
        source / "labels/labels.csv",
        "image_file_name,color,style,part,season,category",
        "jean_0001.jpg,blue,casual,bottom,winter,jean",
        "jean_0002.jpg,white,casual,bottom,winter,jean",
        "coat_0013.jpg,khaki,casual,outer,spring/fall,coat",
        "slacks_0001.jpg,,formal/office,bottom,all,slacks",
    )
    counts = "color,style,part,season,category\n3,2,2,3,3"
    (source / "label_data.txt").write_bytes(counts.encode())  # no LF at its end


#: A record with much in it; K-Fashion's own keys are in no order.
KFASHION_RECORD = """\
{"이미지 정보": {"이미지 식별자": 100026, "이미지 높이": 800, "이미지 파일명": \
"Ave29th_160_02.jpg", "이미지 너비": 800}, "데이터셋 정보": {"파일 생성일자": \
"2020-08-10 08:33:18", "데이터셋 상세설명": {"렉트좌표": {"아우터": [{}], "하의": [{"X좌표": \
321.06, "Y좌표": 288.216, "가로": 183, "세로": 330}], "원피스": [{}], "상의": [{"X좌표": 260.144, \
"Y좌표": 59.4236, "가로": 295, "세로": 335}]}, "폴리곤좌표": {"아우터": [{}], "하의": [{"X좌표2": \
325.554, "Y좌표1": 315.568, "X좌표1": 321.56, "Y좌표2": 619.479, "Y좌표3": 600.505, "X좌표3": \
505.304}], "원피스": [{}], "상의": [{}]}, "라벨링": {"스타일": [{"스타일": "로맨틱"}], "아우터": \
[{}], "하의": [{"기장": "니렝스", "색상": "화이트", "서브색상": "실버", "카테고리": "스커트", \
"소재": ["레이스", "우븐"], "프린트": ["도트"], "핏": "노말"}], "원피스": [{}], "상의": [{"기장": \
"노멀", "색상": "화이트", "서브색상": "실버", "카테고리": "블라우스", "옷깃": "보우칼라", \
"소매기장": "캡", "소재": ["우븐", "레이스"], "프린트": ["도트"], "넥라인": "브이넥", "핏": \
"루즈"}]}}, "파일 번호": 100026, "파일 이름": "Ave29th_160_02.jpg"}}"""


def bare_kfashion_record(number: int) -> dict[str, Any]:
    """A record that knows a colour and nothing else, as many do."""
    absent: dict[str, list[dict[str, Any]]] = {
        part: [{}] for part in ("아우터", "하의", "원피스", "상의")
    }
    return {
        "이미지 정보": {"이미지 식별자": number, "이미지 높이": 6, "이미지 너비": 5},
        "데이터셋 정보": {
            "데이터셋 상세설명": {
                "렉트좌표": absent | {"상의": [{"X좌표": 1, "Y좌표": 1.5, "가로": 0, "세로": 3}]},
                "폴리곤좌표": absent,
                "라벨링": absent | {"스타일": [{}], "상의": [{"색상": "화이트"}]},
            }
        },
    }


def write_kfashion(root: Path) -> None:
    """Two records to train on and one to validate, each beside its picture."""
    source = root / "data"
    write_photo(source / "Training/로맨틱/100026.jpg", 90, width=800, height=800)
    (source / "Training/로맨틱/100026.json").write_text(KFASHION_RECORD, encoding="utf-8")
    for folder, number in (("Training/기타", 1070263), ("Validation/기타", 1092253)):
        write_photo(source / f"{folder}/{number}.jpg", number % 250)
        text = json.dumps(bare_kfashion_record(number), ensure_ascii=False)
        (source / f"{folder}/{number}.json").write_text(text, encoding="utf-8")


def write_garmentiq(root: Path) -> None:
    """``train`` and ``test`` as GarmentIQ's own splitting leaves them."""
    parts = {"train": ("trousers", "skirt", "vest dress"), "test": ("skirt",)}
    for part, garments in parts.items():
        rows = [f"{part}_{number}.jpg,{name}" for number, name in enumerate(garments)]
        write_text(root / "src" / part / "metadata.csv", "filename,garment", *rows)
        for number in range(len(garments)):
            photo = root / f"src/{part}/images/{part}_{number}.jpg"
            write_photo(photo, 60 * number + len(part))


def write_attribute_folders(root: Path) -> None:
    """Two attributes; one photo lies in both, and another of its name is another photo."""
    source = root / "src"
    for place, level in (
        ("train/color/blue/1.png", 10),
        ("train/color/red/2.png", 20),
        ("train/season/winter/1.png", 10),
        ("train/season/summer/3.png", 30),
        ("val/color/red/1.png", 99),
        ("val/season/summer/1.png", 55),
    ):
        write_photo(source / place, level)
