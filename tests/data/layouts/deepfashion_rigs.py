"""DeepFashion's coarse and fine lists and ``info.csv``, and more than twenty ways to spoil each."""

from __future__ import annotations

from deepfashion_writers import BLOUSE, DRESS, JEANS, write_coarse, write_fine, write_info
from reader_rig import Damage, Rig, append, both, link_out, patch, remove, swap

LISTS = "Benchmark/Anno_coarse"
PARTITION = "Benchmark/Eval/list_eval_partition.txt"
FINE = "Benchmark/Anno_fine"
INFO = "info/info.csv"

PADDED_BLOUSE = f"{BLOUSE:<71}"

COARSE_DAMAGES = {
    "missing list": Damage(
        spoil=remove(f"{LISTS}/list_bbox.txt"),
        says="list_bbox.txt: found nothing, expected a file",
    ),
    "missing partition": Damage(
        spoil=remove(PARTITION), says="list_eval_partition.txt: found nothing, expected a file"
    ),
    "count that lies": Damage(
        spoil=swap(f"{LISTS}/list_category_img.txt", "5\n", "6\n"),
        says="list_category_img.txt, line 1: found '6', expected the number of rows below, 5",
    ),
    "count of answers that lies": Damage(
        spoil=swap(f"{LISTS}/list_attr_img.txt", "5\n", "4\n"),
        says="list_attr_img.txt, line 1: found '4', expected the number of rows below, 5",
    ),
    "header missing": Damage(
        spoil=swap(f"{LISTS}/list_bbox.txt", "image_name  x_1  y_1  x_2  y_2\n", ""),
        says="list_bbox.txt, line 2: found 'img/",
    ),
    "type outside": Damage(
        spoil=swap(f"{LISTS}/list_attr_cloth.txt", "a-line                       3", "a-line 6"),
        says="list_attr_cloth.txt, line 3: found 'a-line 6', expected a name and a type",
    ),
    "attribute twice": Damage(
        spoil=swap(f"{LISTS}/list_attr_cloth.txt", "stripe     ", "a-line     "),
        says="list_attr_cloth.txt, line 8: found 'a-line' again, expected each name once",
    ),
    "no attributes": Damage(
        spoil=patch(f"{LISTS}/list_attr_cloth.txt", lambda _: b""),
        says="list_attr_cloth.txt, line 1: found nothing, expected the number of rows below, 0",
    ),
    "category outside": Damage(
        spoil=swap(f"{LISTS}/list_category_img.txt", " 26\n", " 51\n"),
        says="list_category_img.txt, line 5: found '51', expected a category from 1 to 50",
    ),
    "category from 0": Damage(
        spoil=swap(f"{LISTS}/list_category_img.txt", " 26\n", " 0\n"),
        says="list_category_img.txt, line 5: found '0', expected a category from 1 to 50",
    ),
    "answers cut short": Damage(
        spoil=swap(f"{LISTS}/list_attr_img.txt", "-1 -1 -1 -1 -1  1", "-1 -1 -1 -1 -1"),
        says="list_attr_img.txt, line 4: found 5 answers, expected 6, one for each attribute",
    ),
    "answer that is none": Damage(
        spoil=swap(f"{LISTS}/list_attr_img.txt", "-1  0 -1  1", "-1  2 -1  1"),
        says="list_attr_img.txt, line 5: found '2', expected -1 or 0 or 1",
    ),
    "answers that stick together": Damage(
        spoil=swap(f"{LISTS}/list_attr_img.txt", "-1  0 -1  1 -1", "-1 0-1  1 -1"),
        says="list_attr_img.txt, line 5: found '0-1', expected -1 or 0 or 1",
    ),
    "answer without its one": Damage(
        spoil=swap(f"{LISTS}/list_attr_img.txt", "-1  0 -1  1 -1", "-1  0 -  1 -1"),
        says="list_attr_img.txt, line 5: found '-', expected -1 or 0 or 1",
    ),
    "superscript among answers": Damage(
        spoil=swap(f"{LISTS}/list_attr_img.txt", " 1 -1 -1 -1  0", " ¹ -1 -1 -1  0"),
        says="list_attr_img.txt, line 6: found '¹', expected -1 or 0 or 1",
    ),
    "answers torn off": Damage(
        spoil=patch(f"{LISTS}/list_attr_img.txt", lambda data: data[:-30]),
        says="list_attr_img.txt, line 7: found 0 answers",
    ),
    "answers that are no text": Damage(
        spoil=patch(f"{LISTS}/list_attr_img.txt", lambda data: data + b"\xff\xfe 1\n"),
        says="list_attr_img.txt, line 8: found bytes that are no text",
    ),
    "image without a box": Damage(
        spoil=both(
            swap(f"{LISTS}/list_bbox.txt", "5\n", "4\n"),
            swap(f"{LISTS}/list_bbox.txt", f"{PADDED_BLOUSE}072 079 232 273\n", ""),
        ),
        says=f"list_bbox.txt: found no row of '{BLOUSE}', expected a row for each image of",
    ),
    "strange image": Damage(
        spoil=swap(f"{LISTS}/list_landmarks.txt", BLOUSE, "img/Other/img_00000001.jpg"),
        says="list_landmarks.txt, line 3: found 'img/Other/img_00000001.jpg', expected an image of",
    ),
    "image twice": Damage(
        spoil=swap(f"{LISTS}/list_category_img.txt", DRESS, BLOUSE),
        says=f"list_category_img.txt, line 6: found '{BLOUSE}' again, expected each image once",
    ),
    "image twice in the partition": Damage(
        spoil=swap(PARTITION, DRESS, BLOUSE),
        says=f"list_eval_partition.txt, line 6: found '{BLOUSE}' again",
    ),
    "box turned over": Damage(
        spoil=swap(f"{LISTS}/list_bbox.txt", "072 079 232 273", "232 079 072 273"),
        says="list_bbox.txt, line 3: found '232 079 072 273', expected x1 y1 x2 y2",
    ),
    "box without a number": Damage(
        spoil=swap(f"{LISTS}/list_bbox.txt", "072 079 232 273", "072 nan 232 273"),
        says="list_bbox.txt, line 3: found '072 nan 232 273', expected x1 y1 x2 y2",
    ),
    "clothes of no type": Damage(
        spoil=swap(f"{LISTS}/list_landmarks.txt", " 2  0 040 035", " 4  0 040 035"),
        says="list_landmarks.txt, line 5: found '4 0 040 035 0 100 036 0 045 280 1 095 281', "
        "expected a type of clothes",
    ),
    "landmarks of another type": Damage(
        spoil=swap(f"{LISTS}/list_landmarks.txt", " 2  0 040 035", " 1  0 040 035"),
        says="list_landmarks.txt, line 5: found '1 0 040 035",
    ),
    "visibility of no kind": Damage(
        spoil=swap(f"{LISTS}/list_landmarks.txt", "1 095 281", "3 095 281"),
        says="list_landmarks.txt, line 5: found '2 0 040 035",
    ),
    "with a variation, as other benchmarks have": Damage(
        spoil=swap(f"{LISTS}/list_landmarks.txt", " 1  0 146", " 1 1  0 146"),
        says="list_landmarks.txt, line 3: found '1 1 0 146",
    ),
    "split of no name": Damage(
        spoil=swap(PARTITION, " val\n", " valid\n"),
        says="list_eval_partition.txt, line 4: found 'valid', expected train, val or test",
    ),
    "blank line": Damage(
        spoil=swap(PARTITION, f"{JEANS:<71}train\n", "\n"),
        says="list_eval_partition.txt, line 5: found '', expected train, val or test",
    ),
    "missing image": Damage(
        spoil=remove(f"Benchmark/Img/{JEANS}"),
        says='list_eval_partition.txt, line 5: found "img/Mom\'s_Jeans/img_00000005.jpg", '
        "expected a file in",
    ),
    "path that leaves": Damage(
        spoil=swap(PARTITION, BLOUSE, "../../../../../etc/passwd"),
        says="'../../../../../etc/passwd' is not a name under its root",
    ),
    "absolute path": Damage(
        spoil=swap(PARTITION, BLOUSE, "/etc/passwd"),
        says="list_eval_partition.txt, line 3: '/etc/passwd' is not a name under its root",
    ),
    "link that leaves": Damage(
        spoil=both(link_out("Benchmark/Img/img/link.jpg"), swap(PARTITION, BLOUSE, "img/link.jpg")),
        says="list_eval_partition.txt, line 3: 'img/link.jpg' leads out of",
    ),
    "bytes that are no text": Damage(
        spoil=patch(f"{LISTS}/list_bbox.txt", lambda data: data + b"\xff\xfe"),
        says="list_bbox.txt: found bytes that are no text",
    ),
}

FINE_DAMAGES = {
    f"missing {name}": Damage(
        spoil=remove(f"{FINE}/{name}"), says=f"{name}: found nothing, expected a file"
    )
    for name in ("train.txt", "val_attr.txt", "test_bbox.txt", "list_category_cloth.txt")
} | {
    "count that lies": Damage(
        spoil=swap(f"{FINE}/list_attr_cloth.txt", "26 ", "27 "),
        says="list_attr_cloth.txt, line 1: found '27 ', expected the number of rows below, 26",
    ),
    "type outside": Damage(
        spoil=swap(f"{FINE}/list_attr_cloth.txt", "denim                5", "denim 7"),
        says="line 20: found 'denim 7', expected a name and a type from 1 to 6",
    ),
    "attribute twice": Damage(
        spoil=swap(f"{FINE}/list_attr_cloth.txt", "graphic  ", "floral   "),
        says="list_attr_cloth.txt, line 4: found 'floral' again, expected each name once",
    ),
    "fewer answers than images": Damage(
        spoil=swap(
            f"{FINE}/train_attr.txt", "0 0 1 0 0 0 0 0 0 1 0 0 1 0 0 0 1 1 0 0 0 0 0 1 0 0\n", ""
        ),
        says="train_attr.txt: found 1 rows, expected 2, as in train.txt",
    ),
    "more boxes than images": Damage(
        spoil=append(f"{FINE}/val_bbox.txt", "001 001 002 002"),
        says="val_bbox.txt: found 2 rows, expected 1, as in val.txt",
    ),
    "two answers of a group": Damage(
        spoil=swap(f"{FINE}/val_attr.txt", "1 0 0 0 0 0 0", "1 1 0 0 0 0 0"),
        says="val_attr.txt, line 1: found '1 1 0 0 0 0 0 0 1 0",
    ),
    "answers cut short": Damage(
        spoil=swap(f"{FINE}/val_attr.txt", "1 0 0 0 0 0 0", "1 0 0 0 0 0"),
        says="val_attr.txt, line 1: found '1 0 0 0 0 0 0 1 0 1",
    ),
    "answers of the coarse list": Damage(
        spoil=swap(f"{FINE}/val_attr.txt", "1 0 0 0 0 0 0", "1 -1 0 0 0 0 0"),
        says="val_attr.txt, line 1: found '1 -1 0 0",
    ),
    "category outside": Damage(
        spoil=swap(f"{FINE}/train_cate.txt", "26", "51"),
        says="train_cate.txt, line 2: found '51', expected a category from 1 to 50",
    ),
    "category from 0": Damage(
        spoil=swap(f"{FINE}/train_cate.txt", "26", "0"),
        says="train_cate.txt, line 2: found '0', expected a category from 1 to 50",
    ),
    "box of three": Damage(
        spoil=swap(f"{FINE}/train_bbox.txt", "072 079 232 273", "072 079 232"),
        says="train_bbox.txt, line 1: found '072 079 232', expected x1 y1 x2 y2",
    ),
    "box turned over": Damage(
        spoil=swap(f"{FINE}/train_bbox.txt", "072 079 232 273", "072 273 232 079"),
        says="train_bbox.txt, line 1: found '072 273 232 079', expected x1 y1 x2 y2",
    ),
    "landmarks cut short": Damage(
        spoil=swap(f"{FINE}/train_landmarks.txt", " 0 0 0 0 0 0\n", " 0 0 0\n"),
        says="train_landmarks.txt, line 1: found '146 102",
    ),
    "landmarks that are no numbers": Damage(
        spoil=swap(f"{FINE}/val_landmarks.txt", "080 020", "080 inf"),
        says="val_landmarks.txt, line 1: found '080 inf",
    ),
    "blank line": Damage(
        spoil=swap(f"{FINE}/train_cate.txt", "26\n", "\n"),
        says="train_cate.txt, line 2: found '', expected a category from 1 to 50",
    ),
    "blank line among images": Damage(
        spoil=swap(f"{FINE}/val.txt", DRESS, ""),
        says="val.txt, line 1: found no name, expected that of an image",
    ),
    "missing image": Damage(
        spoil=remove(f"Benchmark/Img/{DRESS}"), says=f"val.txt, line 1: found '{DRESS}', expected"
    ),
    "image in two splits": Damage(
        spoil=swap(f"{FINE}/val.txt", DRESS, BLOUSE),
        says=f"val.txt, line 1: found '{BLOUSE}' again",
    ),
    "path that leaves": Damage(
        spoil=swap(f"{FINE}/val.txt", DRESS, "../../../etc/passwd"),
        says="val.txt, line 1: '../../../etc/passwd' is not a name under its root",
    ),
    "link that leaves": Damage(
        spoil=both(
            link_out("Benchmark/Img/img/link.jpg"), swap(f"{FINE}/val.txt", DRESS, "img/link.jpg")
        ),
        says="val.txt, line 1: 'img/link.jpg' leads out of",
    ),
    "bytes that are no text": Damage(
        spoil=patch(f"{FINE}/train_attr.txt", lambda data: data + b"\xff\xfe"),
        says="train_attr.txt: found bytes that are no text",
    ),
}

INFO_DAMAGES = {
    "no header": Damage(
        spoil=patch(INFO, lambda data: data.split(b"\n", 1)[1]),
        says="info.csv, line 1: found no column 'image_name', expected image_name, x_1, y_1",
    ),
    "column missing": Damage(
        spoil=swap(INFO, ",category_type,", ",kind,"),
        says="info.csv, line 1: found no column 'category_type'",
    ),
    "column twice": Damage(
        spoil=swap(INFO, "image_name,x_1", "image_name,x_1,x_1"),
        says="info.csv, line 1: found a column twice",
    ),
    "no attributes": Damage(
        spoil=swap(INFO, "attr_0,", "first,"),
        says="info.csv, line 1: found no column 'attr_0', expected attr_0, attr_1",
    ),
    "attributes in another order": Damage(
        spoil=swap(INFO, "attr_2,attr_3", "attr_3,attr_2"),
        says="info.csv, line 1: found 6 columns from attr_0 on, expected attr_0, attr_1",
    ),
    "row too short": Damage(
        spoil=swap(INFO, ",0,1,0,0,1,0\n", ",0,1,0,0,1\n"),
        says="info.csv, line 2: found 5 answers, expected 6, one for each attribute",
    ),
    "row too long": Damage(
        spoil=swap(INFO, ",0,1,0,0,1,0\n", ",0,1,0,0,1,0,0\n"),
        says="info.csv, line 2: found 7 answers, expected 6, one for each attribute",
    ),
    "torn off": Damage(
        spoil=patch(INFO, lambda data: data[:-60]), says=f"info.csv, line 4: found '{DRESS},8,9,210"
    ),
    "answer of the lists": Damage(
        spoil=swap(INFO, ",0,1,0,0,1,0\n", ",-1,1,0,0,1,0\n"),
        says="info.csv, line 2: found '-1', expected 0 or 1",
    ),
    "answer with a fraction": Damage(
        spoil=swap(INFO, ",0,1,0,0,1,0\n", ",0,1.0,0,0,1,0\n"),
        says="info.csv, line 2: found '1.0', expected 0 or 1",
    ),
    "answer missing": Damage(
        spoil=swap(INFO, ",0,1,0,0,1,0\n", ",0,,0,0,1,0\n"),
        says="info.csv, line 2: found 5 answers, expected 6",
    ),
    "box turned over": Damage(
        spoil=swap(INFO, "72,79,232,273", "232,79,72,273"),
        says="info.csv, line 2: found a box '232 79 72 273', expected x_1 y_1 x_2 y_2",
    ),
    "box without a number": Damage(
        spoil=swap(INFO, "72,79,232,273", "72,,232,273"),
        says="info.csv, line 2: found a box '72  232 273'",
    ),
    "split of no name": Damage(
        spoil=swap(INFO, ",val,", ",dev,"),
        says="info.csv, line 3: found evaluation_status 'dev', expected train, val or test",
    ),
    "category of another number": Damage(
        spoil=swap(INFO, "2,Blouse,0", "3,Blouse,0"),
        says="info.csv, line 2: found category 3, Blouse, 0, expected a category of DeepFashion",
    ),
    "category that counts from 1": Damage(
        spoil=swap(INFO, "40,Dress,2", "41,Dress,3"),
        says="info.csv, line 4: found category 41, Dress, 3",
    ),
    "category outside": Damage(
        spoil=swap(INFO, "40,Dress,2", "50,Dress,2"),
        says="info.csv, line 4: found category 50, Dress, 2",
    ),
    "landmark that is no number": Damage(
        spoil=swap(INFO, ",146,102,", ",nan,102,"),
        says="info.csv, line 2: found left collar 'nan 102 1 1', expected whole numbers",
    ),
    "visibility of no kind": Damage(
        spoil=swap(INFO, "136,229,177,232,1", "136,229,177,232,2"),
        says="info.csv, line 2: found left collar '146 102 2 1', expected whole numbers, 0 or 1",
    ),
    "missing image": Damage(
        spoil=remove(f"info/{DRESS}"), says=f"info.csv, line 4: found '{DRESS}', expected a file in"
    ),
    "image twice": Damage(
        spoil=swap(INFO, DRESS, BLOUSE), says=f"info.csv, line 4: found '{BLOUSE}' again"
    ),
    "path that leaves": Damage(
        spoil=swap(INFO, DRESS, "../../etc/passwd"),
        says="info.csv, line 4: '../../etc/passwd' is not a name under its root",
    ),
    "link that leaves": Damage(
        spoil=both(link_out("info/img/link.jpg"), swap(INFO, DRESS, "img/link.jpg")),
        says="info.csv, line 4: 'img/link.jpg' leads out of",
    ),
    "bytes that are no text": Damage(
        spoil=patch(INFO, lambda data: data.replace(b"Blouse,0", b"Blo\xffse,0")),
        says="info.csv, line 2: found bytes that are no text",
    ),
    "names that are no list": Damage(
        spoil=swap("info/list_attr_cloth.txt", "6\n", "7\n"),
        says="list_attr_cloth.txt, line 1: found '7', expected the number of rows below, 6",
    ),
}

COARSE_RIG = Rig(write=write_coarse, source="Benchmark", damages=COARSE_DAMAGES)
FINE_RIG = Rig(write=write_fine, source="Benchmark", damages=FINE_DAMAGES)
INFO_RIG = Rig(write=write_info, source=INFO, damages=INFO_DAMAGES)
