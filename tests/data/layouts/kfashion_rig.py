"""K-Fashion's records, and twenty ways to spoil one."""

from __future__ import annotations

from layout_writers import write_kfashion
from reader_rig import Damage, Rig, both, link_folder, link_out, patch, remove, swap

FILE = "data/Training/로맨틱/100026.json"


def _swapped(old: str, new: str, says: str) -> Damage:
    return Damage(spoil=swap(FILE, old, new), says=f"100026.json{says}")


DAMAGES = {
    "no JSON": Damage(
        spoil=patch(FILE, lambda data: data[:-3]),
        says="100026.json, line 1: found text that is no JSON (Untermin",
    ),
    "no UTF-8": Damage(
        spoil=patch(FILE, lambda data: data.decode().encode("cp949")),
        says="100026.json: found bytes that are no text",
    ),
    "empty": Damage(
        spoil=patch(FILE, lambda _: b""), says="100026.json, line 1: found text that is no JSON"
    ),
    "a list": Damage(
        spoil=patch(FILE, lambda _: b"[1, 2]"), says="100026.json: found [1, 2], expected an object"
    ),
    "nested without end": Damage(
        spoil=patch(FILE, lambda _: b"[" * 200_000), says="100026.json: found text nested without"
    ),
    "no image": _swapped(
        "이미지 정보", "그림", ": found null as '이미지 정보', expected an object"
    ),
    "no details": _swapped(
        "데이터셋 상세설명", "설명", ": found null as '데이터셋 상세설명', expected an object"
    ),
    "no labels": _swapped(
        "라벨링", "라벨", ": found null as '라벨링', expected an object of lists"
    ),
    "identifier that is a text": _swapped(
        '식별자": 100026', '식별자": "100026"', ': found 이미지 식별자 "100026", expected a whole'
    ),
    "part that is no list": _swapped(
        '"스타일": [{"스타일": "로맨틱"}]',
        '"스타일": {"스타일": "로맨틱"}',
        ': found {"스타일": "로맨틱"} as 라벨링 of \'스타일\', expected a list of objects',
    ),
    "size that is none": _swapped(
        '이미지 높이": 800', '이미지 높이": -800', ": found 이미지 너비 800, 이미지 높이 -800"
    ),
    "part that is unknown": _swapped(
        '"렉트좌표": {"아우터"',
        '"렉트좌표": {"모자"',
        ": found the part '모자', expected one of 상의",
    ),
    "box without a side": _swapped(', "세로": 330', "", ": found {"),
    "box of NaN": _swapped("321.06,", "NaN,", ": found NaN, expected numbers"),
    "box of texts": _swapped("321.06,", '"321.06",', ": found {"),
    "box of negative size": _swapped('"가로": 183', '"가로": -183', ": found a box of -183 × 330"),  # noqa: RUF001 - as it is shown
    "box outside": _swapped(
        "321.06,",
        "3210.6,",
        ": found a box at 3210.6, 288.216 of 183 × 330 as 렉트좌표",  # noqa: RUF001 - as it is shown
    ),
    "corner without its other half": _swapped(
        '"Y좌표2"', '"Y좌표9"', ": found corner 2 without its other half or out of order in"
    ),
    "corner that is no number": _swapped("619.479", "null", ": found 'Y좌표2': null in 폴리곤좌표"),
    "key that is no corner": _swapped('"Y좌표2"', '"Z좌표2"', ": found 'Z좌표2': 619.479 in"),
    "word beyond the vocabulary": _swapped(
        "니렝스",
        "무릎",
        ": found 하의_기장 '무릎', expected a word of the vocabulary: 미니, 니렝스",
    ),
    "word beyond the vocabulary in a list": _swapped(
        '"레이스", "우븐"', '"레이스", "종이"', ": found 하의_소재 '종이', expected a word of the"
    ),
    "list in the place of a word": _swapped(
        '"스커트"', '["스커트"]', ": found 하의_카테고리 ['스커트'], expected a text"
    ),
    "word in the place of a list": _swapped(
        '["레이스", "우븐"]', '"레이스"', ": found 하의_소재 '레이스', expected a list of texts"
    ),
    "missing image": Damage(
        spoil=remove("data/Training/로맨틱/100026.jpg"),
        says="100026.json: found no image of the name 100026.jpg, expected one in",
    ),
    "record twice": Damage(
        spoil=lambda root: (root / "data/Training/again.json").write_bytes(
            (root / FILE).read_bytes()
        ),
        says="found 'Training/로맨틱/100026.jpg' again",
    ),
    "link that leaves": Damage(
        spoil=both(
            remove("data/Training/로맨틱/100026.jpg"),
            link_out("data/Training/로맨틱/100026.jpg"),
        ),
        says="100026.json: 'Training/로맨틱/100026.jpg' leads out of",
    ),
    "link to a folder": Damage(
        spoil=link_folder("data/Training/more"),
        says="more: found a link to a folder, expected the folder itself; copy it in",
    ),
}

RIG = Rig(write=write_kfashion, source="data", damages=DAMAGES)
