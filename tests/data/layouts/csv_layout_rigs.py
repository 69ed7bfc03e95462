"""The layouts whose labels are in CSV files: NSYSU, Prography, GarmentIQ."""

from __future__ import annotations

import shutil

from layout_writers import write_garmentiq, write_nsysu, write_prography
from reader_rig import Damage, Rig, append, both, csv_damages, patch, remove, swap

NSYSU_DAMAGES = csv_damages(
    "category.csv", line=5, folder="deep_fashion/train", row="deep_fashion/train/{},1"
) | {
    "no column that is known": Damage(
        spoil=swap("category.csv", "category_label", "label"),
        says="category.csv, line 1: found the columns file_path, label, expected file_path and",
    ),
    "both columns at once": Damage(
        spoil=patch(
            "category.csv",
            lambda _: b"file_path,category_label,attribute_label\nx.jpg,1,2\n",
        ),
        says="line 1: found the columns file_path, category_label, attribute_label, expected",
    ),
    "no rows": Damage(
        spoil=patch("category.csv", lambda data: data.split(b"\n")[0]),
        says="category.csv: found no rows, expected an image a row",
    ),
    "category outside": Damage(
        spoil=swap("category.csv", "00003.jpg,9", "00003.jpg,10"),
        says="category.csv, line 4: found '10', expected one category, 0 to 9",
    ),
    "category that is a word": Damage(
        spoil=swap("category.csv", "00003.jpg,9", "00003.jpg,dress"),
        says="category.csv, line 4: found 'dress', expected one category, 0 to 9",
    ),
    "two categories": Damage(
        spoil=swap("category.csv", "00003.jpg,9", "00003.jpg,1 2"),
        says="category.csv, line 4: found '1 2', expected one category, 0 to 9",
    ),
    "no category": Damage(
        spoil=swap("category.csv", "00003.jpg,9", "00003.jpg,"),
        says="category.csv, line 4: found '', expected one category, 0 to 9",
    ),
    "negative attribute": Damage(
        spoil=swap("attributes.csv", "0 14", "0 -4"),
        says="attributes.csv, line 3: found '0 -4', expected different attributes, 0 to 14",
    ),
    "attribute outside": Damage(
        spoil=swap("attributes.csv", "0 14", "0 15"),
        says="attributes.csv, line 3: found '0 15', expected different attributes, 0 to 14",
    ),
    "attribute twice": Damage(
        spoil=swap("attributes.csv", "3 10 11", "3 10 3"),
        says="attributes.csv, line 2: found '3 10 3', expected different attributes",
    ),
    "image twice": Damage(
        spoil=append("attributes.csv", "deep_fashion/train/00001.jpg,4"),
        says="attributes.csv, line 5: found 'deep_fashion/train/00001.jpg' again, expected each",
    ),
    "test list without paths": Damage(
        spoil=swap("test.csv", "file_path", "name"),
        says="test.csv, line 1: found the columns name, expected one is file_path",
    ),
    "training image to be tested": Damage(
        spoil=append("test.csv", "deep_fashion/train/00001.jpg"),
        says="test.csv, line 5: found 'deep_fashion/train/00001.jpg' again",
    ),
}

LABELS = "dataset/labels/labels.csv"

PROGRAPHY_DAMAGES = csv_damages(
    LABELS, line=6, folder="dataset/images", row="{},blue,casual,bottom,winter,jean"
) | {
    "missing file": Damage(
        spoil=remove(LABELS), says="labels/labels.csv: found nothing, expected a file"
    ),
    "missing folder": Damage(
        spoil=lambda root: shutil.rmtree(root / "dataset/images"),
        says="dataset/images: found nothing, expected a folder",
    ),
    "column twice": Damage(
        spoil=swap(LABELS, "color,style", "style,style"),
        says="labels.csv, line 1: found column 'style' twice",
    ),
    "columns of another order": Damage(
        spoil=swap(LABELS, "color,style", "style,color"),
        says="labels.csv, line 1: found image_file_name,style,color,part,season,category, expected",
    ),
    "image twice": Damage(
        spoil=swap(LABELS, "jean_0002", "jean_0001"),
        says="labels.csv, line 3: found 'jean_0001.jpg' again",
    ),
    "absolute path": Damage(
        spoil=swap(LABELS, "jean_0002.jpg", "/etc/passwd"),
        says="labels.csv, line 3: '/etc/passwd' is not a name under its root",
    ),
    "URL": Damage(
        spoil=swap(LABELS, "jean_0002.jpg", "http://example.org/1.jpg"),
        says="line 3: 'http://example.org/1.jpg' is not a name under its root",
    ),
    "no rows": Damage(
        spoil=patch(LABELS, lambda data: data.split(b"\n")[0]),
        says="labels.csv: found no label in column 'color', expected one or more",
    ),
    "counts that lie": Damage(
        spoil=swap("dataset/label_data.txt", "3,2,2,3,3", "3,2,2,3,9"),
        says="label_data.txt, line 2: found '3,2,2,3,9', expected the numbers of labels, 3,2,2,3,3",
    ),
    "counts cut short": Damage(
        spoil=swap("dataset/label_data.txt", "\n3,2,2,3,3", ""),
        says="label_data.txt, line 2: found 1 lines, expected the numbers of labels",
    ),
    "counts of others": Damage(
        spoil=swap("dataset/label_data.txt", "color,", "colour,"),
        says="label_data.txt, line 1: found 'colour,style,part,season,category', expected",
    ),
}

METADATA = "src/train/metadata.csv"

GARMENTIQ_DAMAGES = csv_damages(METADATA, line=5, folder="src/train/images", row="{},skirt") | {
    "nothing that is known": Damage(
        spoil=both(remove(METADATA), remove("src/test/metadata.csv")),
        says="src/metadata.csv: found nothing, expected the file, beside images or in train",
    ),
    "no column of files": Damage(
        spoil=swap(METADATA, "filename", "file"),
        says="metadata.csv, line 1: found the columns file, garment, expected 'filename' and",
    ),
    "no column of labels": Damage(
        spoil=patch("src/test/metadata.csv", lambda _: b"filename\ntest_0.jpg\n"),
        says="test/metadata.csv, line 1: found the columns filename, expected 'filename' and",
    ),
    "labels that are all empty": Damage(
        spoil=both(
            patch(METADATA, lambda _: b"filename,garment\ntrain_0.jpg,\n"),
            patch("src/test/metadata.csv", lambda _: b"filename,garment\ntest_0.jpg,\n"),
        ),
        says="found no label in column 'garment', expected one or more",
    ),
    "column twice": Damage(
        spoil=swap(METADATA, "filename", "garment"),
        says="metadata.csv, line 1: found column 'garment' twice",
    ),
    "image twice": Damage(
        spoil=swap(METADATA, "train_1", "train_0"),
        says="metadata.csv, line 3: found 'train/images/train_0.jpg' again",
    ),
    "image that was deleted": Damage(
        spoil=remove("src/test/images/test_0.jpg"),
        says="test/metadata.csv, line 2: found 'test/images/test_0.jpg', expected a file in",
    ),
}

NSYSU = Rig(
    write=write_nsysu,
    source="category.csv",
    options=lambda root: {"more": [root / "attributes.csv"], "test_list": root / "test.csv"},
    damages=NSYSU_DAMAGES,
)
PROGRAPHY = Rig(write=write_prography, source="dataset", damages=PROGRAPHY_DAMAGES)
GARMENTIQ = Rig(write=write_garmentiq, source="src", damages=GARMENTIQ_DAMAGES)
