"""The page at `/`, in Chromium: what is seen of the answers that the server gives."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

from lapel.data.dataset import Dataset
from lapel.inference.predictor import Predictor
from lapel.schema.prediction import (
    GarmentsAnswer,
    LandmarksAnswer,
    MultiLabelAnswer,
    Prediction,
    SingleLabelAnswer,
)


@pytest.fixture(scope="session")
def server(tagger: Path, detector: Path, serve: Callable[..., str]) -> str:
    """A server of both models; the tagger answers unless the other is chosen."""
    return serve(f"tags={tagger}", f"finds={detector}")


@pytest.fixture(scope="session")
def photos(drawn: Path) -> list[Path]:
    """Photos that the tagger did not learn on."""
    return sorted((drawn / "images").glob("*9.jpg"))


@pytest.fixture(scope="session")
def outfit_photo(outfits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A top over a skirt, six times as large as the detector looks at."""
    pixels = np.load(outfits / "images.npy")[-1]
    path = tmp_path_factory.mktemp("photos") / "outfit.png"
    Image.fromarray(pixels).resize((384, 384), Image.Resampling.NEAREST).save(path)
    return path


def ask_about(page: Page, *files: Path) -> None:
    """Choose photos, and wait for all answers."""
    page.set_input_files("#files", [str(path) for path in files])
    expect(page.locator("#all")).to_have_attribute("data-done", str(len(files)), timeout=30_000)


def predicted(run: Path, photo: Path) -> Prediction:
    (found,) = Predictor.load(run).predict(photo, top=5)
    assert isinstance(found, Prediction)
    return found


def box_of(place: Locator) -> FloatRect:
    box = place.bounding_box()
    assert box is not None
    return box


def bars_of(page: Page, task: str) -> list[tuple[str, float, float]]:
    """Name, share that is written, and share that the bar shows, of each line of a task."""
    lines = page.locator(f'.task[data-task="{task}"] .bars > li')
    seen = []
    for line in lines.all():
        track, filled = box_of(line.locator(".bar")), box_of(line.locator(".bar > span"))
        written = line.locator(".number").inner_text().replace("\u00a0", "").removesuffix("%")
        name = line.locator(".name > span").last.inner_text()
        seen.append((name, float(written) / 100, filled["width"] / track["width"]))
    return seen


def test_bars_are_as_long_as_labels_are_probable(
    server: str, page: Page, tagger: Path, photos: list[Path]
) -> None:
    page.goto(server)
    ask_about(page, photos[0])
    answers = predicted(tagger, photos[0]).answers
    category = answers["category"]
    assert isinstance(category, SingleLabelAnswer)
    for (name, written, shown), (label, probability) in zip(
        bars_of(page, "category"), category.top, strict=True
    ):
        assert name == label
        assert written == pytest.approx(probability, abs=0.0006)
        assert shown == pytest.approx(probability, abs=0.02)
    tags = answers["tags"]
    assert isinstance(tags, MultiLabelAnswer)
    held = page.locator('.task[data-task="tags"] li.held .name > span:last-child')
    assert set(held.all_inner_texts()) == set(tags.labels)


def test_a_mark_on_each_bar_of_tags_shows_where_yes_begins(
    server: str, page: Page, tagger: Path, photos: list[Path]
) -> None:
    calibration = Predictor.load(tagger).bundle.calibration["tags"]
    page.goto(server)
    ask_about(page, photos[0])
    lines = page.locator('.task[data-task="tags"] .bars > li')
    expect(lines).not_to_have_count(0)
    for line in lines.all():
        label = line.locator(".name > span:last-child").inner_text()
        threshold = calibration.get(f"threshold.{label}", 0.5)
        track, mark = box_of(line.locator(".bar")), box_of(line.locator(".from"))
        at = (mark["x"] + mark["width"] / 2 - track["x"]) / track["width"]
        assert at == pytest.approx(threshold, abs=0.01)
        # All of a line stands on one height, and the mark reaches beyond its bar.
        assert mark["y"] < track["y"] < track["y"] + track["height"] < mark["y"] + mark["height"]
        expect(line).to_contain_text(f"yes from {threshold:.1%}")
    # Where one of several is named, nothing is compared with a threshold.
    expect(page.locator('.task[data-task="category"] .from')).to_have_count(0)


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_landmarks_lie_on_the_photo_where_the_model_says(
    server: str, page: Page, tagger: Path, photos: list[Path], tmp_path: Path, orientation: int
) -> None:
    photo = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Not square, so that a photo lying on its side would show.
    Image.open(photos[1]).crop((0, 0, 128, 96)).save(photo, exif=exif, quality=95)
    page.goto(server)
    ask_about(page, photo)
    found = predicted(tagger, photo)
    points = found.answers["landmarks"]
    assert isinstance(points, LandmarksAnswer)
    shown = box_of(page.locator("#photo"))
    assert shown["width"] / shown["height"] == pytest.approx(found.width / found.height, rel=0.01)
    scale = shown["width"] / found.width
    for point in points.points:
        circle = box_of(page.locator(f'#overlay circle[data-name="{point.name}"]'))
        middle = circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2
        assert middle[0] == pytest.approx(shown["x"] + point.x * scale, abs=1)
        assert middle[1] == pytest.approx(shown["y"] + point.y * scale, abs=1)


def test_garments_are_outlined_boxed_and_cut_out(
    server: str, page: Page, detector: Path, outfit_photo: Path
) -> None:
    page.goto(server)
    page.locator("#model").select_option("finds")
    ask_about(page, outfit_photo)
    found = predicted(detector, outfit_photo)
    answer = found.answers["garments"]
    assert isinstance(answer, GarmentsAnswer)
    assert answer.each
    shown = box_of(page.locator("#photo"))
    scale = shown["width"] / found.width
    for place, garment in enumerate(answer.each):
        group = page.locator(f'#overlay g[data-group="garments/{place}"]')
        drawn = box_of(group.locator("rect.box"))
        assert drawn["x"] + drawn["width"] / 2 == pytest.approx(
            shown["x"] + (garment.box.left + garment.box.width / 2) * scale, abs=2
        )
        outline = box_of(group.locator("path.outline"))
        assert outline["width"] == pytest.approx(garment.box.width * scale, rel=0.25)
        cut = page.locator(f'article[data-garment="{place}"] canvas')
        expect(cut).to_be_visible()
        assert coloured(cut) > 0.2
    # One is made to stand out, the others step back.
    page.locator("button.show").first.click()
    expect(page.locator("#overlay g.marked")).to_have_count(1)
    expect(page.locator("#overlay g.faint")).to_have_count(len(answer.each) - 1)


def coloured(canvas: Locator) -> float:
    """The share of a canvas's pixels that something was painted on."""
    share: float = canvas.evaluate(
        """canvas => {
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let painted = 0;
          for (let at = 3; at < data.length; at += 4) painted += data[at] > 0;
          return painted / (data.length / 4);
        }"""
    )
    return share


def test_attention_is_asked_for_once_and_shown_on_request(
    server: str, page: Page, photos: list[Path]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server)
    ask_about(page, photos[0])
    canvas = page.locator("#attention")
    expect(canvas).to_be_hidden()
    looked = page.get_by_label("Where the model looked")
    looked.check()
    expect(canvas).to_be_visible()
    expect(canvas).not_to_have_js_property("width", 300)  # a canvas that nobody has drawn on
    assert coloured(canvas) > 0.1
    assert box_of(canvas) == pytest.approx(box_of(page.locator("#photo")))
    # The other map takes its place.
    page.get_by_label("Where it sees landmarks").check()
    expect(looked).not_to_be_checked()
    looked.check()
    looked.uncheck()
    expect(canvas).to_be_hidden()
    assert len([url for url in asked if "maps=true" in url]) == 1


def test_several_photos_are_a_table_that_downloads_as_predict_writes_it(
    server: str,
    page: Page,
    tagger: Path,
    photos: list[Path],
    lapel: Callable[..., str],
    tmp_path: Path,
) -> None:
    names = ["=1+1.jpg", "two words, and a comma.jpg", "셔츠.jpg"]
    files = []
    for name, photo in zip(names, photos, strict=False):
        files.append(tmp_path / "photos" / name)
        files[-1].parent.mkdir(exist_ok=True)
        files[-1].write_bytes(photo.read_bytes())
    page.goto(server)
    ask_about(page, *files)
    expect(page.locator("#table tbody tr")).to_have_count(3)
    table = downloaded(page)
    lapel("predict", tagger, *files, "--out", tmp_path / "answers.csv")
    expected = (tmp_path / "answers.csv").read_text(encoding="utf-8")
    assert same_cells(rows_of(table), rows_of(expected), but="image")
    assert [row["image"] for row in rows_of(table)] == ["'=1+1.jpg", *names[1:]]


def downloaded(page: Page) -> str:
    with page.expect_download() as started:
        page.locator("#download").click()
    assert started.value.suggested_filename == "answers.csv"
    return Path(started.value.path()).read_text(encoding="utf-8-sig")


def rows_of(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table)))


def same_cells(found: list[dict[str, str]], expected: list[dict[str, str]], *, but: str) -> bool:
    """Whether two tables say the same; numbers as numbers."""

    def cell(text: str) -> object:
        try:
            return float(text)
        except ValueError:
            return text

    def rows(table: list[dict[str, str]]) -> list[dict[str, object]]:
        return [{key: cell(text) for key, text in row.items() if key != but} for row in table]

    return rows(found) == rows(expected) and [*found[0]] == [*expected[0]]


def test_a_bad_photo_is_told_in_words_and_the_others_are_answered(
    server: str, page: Page, photos: list[Path], tmp_path: Path
) -> None:
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(photos[0].read_bytes()[:900])
    named = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    named.write_bytes(photos[0].read_bytes())
    page.goto(server)
    note = tmp_path / "note.txt"
    note.write_text("no photo at all")
    ask_about(page, torn, named, photos[1], note)
    expect(page.locator("#answers h3").first).to_have_text("No answer for this photo")
    expect(page.locator("#answers .notice")).to_contain_text("JPEG, PNG or WebP")
    states = page.locator("#table tbody tr").evaluate_all("rows => rows.map(r => r.dataset.state)")
    assert states == ["failed", "done", "done", "failed"]
    # The table and the file say the same, in words for people.
    told = page.locator("#table td.failed").all_inner_texts()
    kept = [row.get("error", "") for row in rows_of(downloaded(page))]
    assert kept == [told[0], "", "", told[1]]
    assert all(told)
    assert not any(word in " ".join(told) for word in ("Content-Type", "text/plain", "curl", "-H"))
    # The reader's own words are shown, and nothing in them runs.
    page.get_by_role("button", name=named.name).click()
    expect(page.locator("#photo-name")).to_have_text(named.name)


def test_a_photo_may_be_dropped_or_pasted(server: str, page: Page, photos: list[Path]) -> None:
    page.goto(server)
    for event, holder in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(GIVE, [event, holder, list(photos[0].read_bytes())])
    expect(page.locator("#table tbody tr[data-state=done]")).to_have_count(2, timeout=30_000)
    # Two of one name would be one row of the table.
    names = page.locator("#table .photo").all_inner_texts()
    assert names == ["given.jpg", "given (2).jpg"]


#: Gives the page a file, as a drop or a paste would.
GIVE = """([event, holder, bytes]) => {
  const file = new File([new Uint8Array(bytes)], "given.jpg", {type: "image/jpeg"});
  const transfer = new DataTransfer();
  transfer.items.add(file);
  const kind = event === "drop" ? DragEvent : ClipboardEvent;
  const options = {bubbles: true, cancelable: true, [holder]: transfer};
  document.body.dispatchEvent(new kind(event, options));
}"""


def test_two_models_read_each_garment_by_itself(
    tagger: Path,
    detector: Path,
    outfit_photo: Path,
    serve: Callable[..., str],
    lapel: Callable[..., str],
    page: Page,
    tmp_path: Path,
) -> None:
    page.goto(serve(tagger, "--garments", detector))
    ask_about(page, outfit_photo)
    garments = page.locator("article.garment")
    both = ("--garments", detector, "--tags", tagger)
    lapel("predict", *both, outfit_photo, "--out", tmp_path / "answers.csv")
    expected = rows_of((tmp_path / "answers.csv").read_text(encoding="utf-8"))
    expect(garments).to_have_count(len(expected))
    for place, row in enumerate(expected):
        said = garments.nth(place)
        expect(said.locator("button.show")).to_contain_text(row["garment.label"])
        expect(said).to_contain_text(f"category: {row['category']}")
    assert same_cells(rows_of(downloaded(page)), expected, but="image")


def test_another_model_is_asked_about_the_same_photos(
    server: str, page: Page, photos: list[Path]
) -> None:
    page.goto(server)
    ask_about(page, photos[0])
    expect(page.locator('.task[data-task="category"]')).to_be_visible()
    page.get_by_label("Model", exact=True).select_option("finds")
    expect(page.locator('.task[data-task="garments"]')).to_be_visible()
    expect(page.locator("#about dd").first).to_have_text("finds")


def test_classes_of_pixels_are_drawn_and_can_be_left_out(
    parser: Path, serve: Callable[..., str], page: Page, tmp_path: Path
) -> None:
    photo = tmp_path / "shapes.png"
    shapes = Dataset.open(parser.parent / "dataset").split("test")
    Image.fromarray(shapes.pixels(shapes.names()[0])).save(photo)
    page.goto(serve(parser))
    ask_about(page, photo)
    present = [label for label, _ in predicted(parser, photo).answers["parts"].lines()]
    names = page.locator('.task[data-task="parts"] .bars .name > span:last-child')
    assert names.all_inner_texts() == present
    drawn = page.locator("#overlay path.outline")
    # The background hides nothing unless it is asked for.
    garments = len([label for label in present if label != "background"])
    expect(drawn).to_have_count(garments)
    for box in page.locator('.task[data-task="parts"] input').all():
        box.set_checked(not box.is_checked())
    expect(drawn).to_have_count(len(present) - garments)
