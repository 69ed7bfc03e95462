"""DeepFashion's category and attribute benchmark, small, byte for byte as its makers write it."""

from __future__ import annotations

from pathlib import Path

from layout_writers import CE7454_ATTRIBUTES, write_photo, write_text

BLOUSE, PLAIN = "img/Sheer_Pleated-Front_Blouse/img_00000001.jpg", "img/A&E_Tee/img_00000003.jpg"
JEANS, DRESS = "img/Mom's_Jeans/img_00000005.jpg", "img/A-Line_Dress/img_00000010.jpg"
TESTED = "img/A-Line_Dress/img_00000011.jpg"
IMAGES = (BLOUSE, PLAIN, JEANS, DRESS, TESTED)

#: Some of DeepFashion's categories by their number, and all 50 lines of its list.
BLOUSE_NUMBER, TEE_NUMBER, JEANS_NUMBER, DRESS_NUMBER = 3, 18, 26, 41
CATEGORIES = """\
50
category_name  category_type
Anorak         1
Blazer         1
Blouse         1
Bomber         1
Button-Down    1
Cardigan       1
Flannel        1
Halter         1
Henley         1
Hoodie         1
Jacket         1
Jersey         1
Parka          1
Peacoat        1
Poncho         1
Sweater        1
Tank           1
Tee            1
Top            1
Turtleneck     1
Capris         2
Chinos         2
Culottes       2
Cutoffs        2
Gauchos        2
Jeans          2
Jeggings       2
Jodhpurs       2
Joggers        2
Leggings       2
Sarong         2
Shorts         2
Skirt          2
Sweatpants     2
Sweatshorts    2
Trunks         2
Caftan         3
Cape           3
Coat           3
Coverup        3
Dress          3
Jumpsuit       3
Kaftan         3
Kimono         3
Nightdress     3
Onesie         3
Robe           3
Romper         3
Shirtdress     3
Sundress       3
""".splitlines()

#: Six attributes of five types; two lines end in blanks, as in the benchmark's own list.
ATTRIBUTES = (
    "6",
    "attribute_name  attribute_type",
    "a-line                       3",
    "abstract chevron             1",
    "chenille                     2" + " " * 23,
    "grunge                       5 ",
    "long sleeve                  4",
    "stripe                       1",
)

LANDMARKS_HEADER = "image_name  clothes_type  " + "  ".join(
    f"landmark_visibility_{n}  landmark_location_x_{n}  landmark_location_y_{n}"
    for n in range(1, 9)
)


def listed(*values: str, header: str, images: tuple[str, ...] = IMAGES) -> list[str]:
    """A list of an image a row: count, header, names in 71 columns."""
    rows = [f"{name:<71}{value}" for name, value in zip(images, values, strict=True)]
    return [str(len(images)), header, *rows]


def write_coarse(root: Path) -> None:
    """Five pictures in ``Benchmark``: three to train on, one to validate, one to test."""
    source = root / "Benchmark"
    for level, name in enumerate(IMAGES):
        write_photo(source / "Img" / name, 40 * level, width=240, height=300)
    lists = source / "Anno_coarse"
    write_text(lists / "list_category_cloth.txt", *CATEGORIES)
    header = f"{'image_name':<71}category_label"
    write_text(lists / "list_category_img.txt", *listed("3", "18", "26", "41", "41", header=header))
    write_text(lists / "list_attr_cloth.txt", *ATTRIBUTES)
    write_text(
        lists / "list_attr_img.txt",
        *listed(
            "-1  1 -1 -1  1 -1",
            "-1 -1 -1 -1 -1  1",
            "-1  0 -1  1 -1 -1",
            " 1 -1 -1 -1  0  1",
            "-1 -1  1 -1 -1 -1",
            header="image_name  attribute_labels",
        ),
    )
    write_text(
        lists / "list_bbox.txt",
        *listed(
            "072 079 232 273",
            "001 001 240 300",
            "020 030 120 290",
            "008 009 210 280",
            "010 011 110 211",
            header="image_name  x_1  y_1  x_2  y_2",
        ),
    )
    write_text(lists / "list_landmarks.txt", *landmark_rows())
    write_text(
        source / "Eval" / "list_eval_partition.txt",
        *listed("train", "val", "train", "train", "test", header="image_name  evaluation_status"),
    )


def landmark_rows() -> list[str]:
    """Upper, upper with one cut off and one hidden without a place, lower, full, full."""
    return listed(
        " 1  0 146 102  0 173 095  0 094 242  0 205 255  0 136 229  0 177 232 ",
        " 1  0 060 020  1 090 021  2 000 000  1 000 000  0 050 230  0 180 231 ",
        " 2  0 040 035  0 100 036  0 045 280  1 095 281 ",
        " 3  0 080 020  0 120 021  0 030 120  1 190 121 "
        " 0 070 150  0 140 151  0 020 270  0 200 271 ",
        " 3  0 050 020  0 060 021  0 030 060  0 100 061 "
        " 0 040 090  0 080 091  2 000 000  2 000 000 ",
        header=LANDMARKS_HEADER,
    )


def write_fine(root: Path) -> None:
    """Two pictures to train on, one to validate, one to test, in ``Benchmark``."""
    source = root / "Benchmark"
    for level, name in enumerate((BLOUSE, JEANS, DRESS, TESTED)):
        write_photo(source / "Img" / name, 40 * level, width=240, height=300)
    lists = source / "Anno_fine"
    write_text(lists / "list_attr_cloth.txt", *CE7454_ATTRIBUTES)
    write_text(lists / "list_category_cloth.txt", *CATEGORIES)
    write_text(lists / "train.txt", BLOUSE, JEANS)
    write_text(
        lists / "train_attr.txt",
        "0 0 0 0 0 1 0 1 0 0 0 0 1 1 0 0 0 0 0 1 0 0 0 0 0 1",
        "0 0 1 0 0 0 0 0 0 1 0 0 1 0 0 0 1 1 0 0 0 0 0 1 0 0",
    )
    write_text(lists / "train_cate.txt", "3", "26")
    write_text(lists / "train_bbox.txt", "072 079 232 273", "020 030 120 290")
    write_text(
        lists / "train_landmarks.txt",
        "146 102 173 095 094 242 205 255 136 229 0 0 0 0 0 0",
        "040 035 100 036 045 280 0 0 0 0 0 0 0 0 0 0",
    )
    write_text(lists / "val.txt", DRESS)
    write_text(lists / "val_attr.txt", "1 0 0 0 0 0 0 0 1 0 1 0 0 0 1 0 0 0 1 0 0 0 0 0 1 0")
    write_text(lists / "val_cate.txt", "41")
    write_text(lists / "val_bbox.txt", "008 009 210 280")
    write_text(
        lists / "val_landmarks.txt",
        "080 020 120 021 030 120 190 121 070 150 140 151 020 270 200 271",
    )
    write_text(lists / "test.txt", TESTED)
    write_text(lists / "test_attr.txt", "0 0 0 0 0 1 0 0 0 1 0 1 0 0 0 1 0 0 0 0 0 0 1 0 0 1")
    write_text(lists / "test_cate.txt", "41")
    write_text(lists / "test_bbox.txt", "010 011 110 211")
    write_text(
        lists / "test_landmarks.txt", "050 020 060 021 030 060 100 061 040 090 080 091 0 0 0 0"
    )


_SHORT = ("lc", "rc", "ls", "rs", "lw", "rw", "lh", "rh")
INFO_COLUMNS = (
    "image_name,x_1,y_1,x_2,y_2,evaluation_status,category_label,category_name,category_type,"
    + ",".join(f"lm_{name}_{axis}" for name in _SHORT for axis in "xy")
    + ","
    + ",".join(f"lm_{name}_vis" for name in _SHORT)
    + ","
    + ",".join(f"lm_{name}_in_pic" for name in _SHORT)
)


def write_info(root: Path) -> None:
    """Three rows: an upper, a lower and a full garment; absent landmarks stand as seen at 0, 0."""
    source = root / "info"
    for level, name in enumerate((BLOUSE, JEANS, DRESS)):
        write_photo(source / name, 40 * level, width=240, height=300)
    write_text(source / "list_attr_cloth.txt", *ATTRIBUTES)
    write_text(
        source / "info.csv",
        f"{INFO_COLUMNS},attr_0,attr_1,attr_2,attr_3,attr_4,attr_5",
        f"{BLOUSE},72,79,232,273,train,2,Blouse,0,"
        "146,102,173,95,94,242,205,255,0,0,0,0,136,229,177,232,"
        "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0,1,0,0,1,0",
        f"{JEANS},20,30,120,290,val,25,Jeans,1,"
        "0,0,0,0,0,0,0,0,40,35,100,36,45,280,95,281,"
        "1,1,1,1,1,1,1,0,1,1,1,1,1,1,1,1,0,0,0,1,0,0",
        f"{DRESS},8,9,210,280,test,40,Dress,2,"
        "80,20,120,21,30,120,190,121,70,150,0,0,20,270,0,0,"
        "1,1,1,0,1,0,1,0,1,1,1,1,1,1,1,0,1,0,0,0,0,1",
    )
