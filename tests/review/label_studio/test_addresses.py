"""What a task of Label Studio says of its picture: the name of a file for each."""

from __future__ import annotations

import pytest

from lapel.review.label_studio.addresses import file_names


@pytest.mark.parametrize(
    ("address", "likeliest"),
    [
        ("/data/upload/1/0a1b2c3d-a.jpg", "1/0a1b2c3d-a.jpg"),
        ("/data/local-files/?d=shop/a.jpg", "shop/a.jpg"),
        ("/storage-data/uploaded/?filepath=upload/1/a.jpg", "upload/1/a.jpg"),
        ("s3://bucket/shop/a.jpg", "bucket/shop/a.jpg"),
    ],
)
def test_each_picture_has_a_name_of_its_own(address: str, likeliest: str) -> None:
    names = list(file_names(address))
    assert names[0] == likeliest
    assert any(name == "a.jpg" for name in names)
