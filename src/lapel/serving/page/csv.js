// Answers as the rows of a table: the columns and cells that `lapel predict --out FILE.csv` writes.

const SEEN = 0.5; // from this probability on a landmark counts as one that can be seen
const FORMULA = /^'*[=+\-@\t\r]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

const rounded = (value, digits) => Number(value.toFixed(digits));
const joined = (each) => each.join("|");

/** The cells of one answer: `TASK`, and what belongs to it as `TASK.something`. */
function cellsOf(task, answer, labels) {
  if ("points" in answer) return landmarkCells(task, answer.points);
  if ("classes" in answer) return classCells(task, answer.classes, labels);
  if ("garments" in answer) return garmentCells(task, answer.garments);
  if ("labels" in answer) {
    return {
      [task]: joined(answer.labels.map((one) => one.label)),
      [`${task}.probability`]: joined(answer.labels.map((one) => one.probability.toFixed(4))),
    };
  }
  return { [task]: answer.label, [`${task}.probability`]: answer.probability };
}

function landmarkCells(task, points) {
  const seen = points.filter((point) => point.visible >= SEEN);
  const row = { [task]: joined(seen.map((point) => point.name)) };
  for (const point of points) {
    row[`${task}.${point.name}.x`] = rounded(point.x, 2);
    row[`${task}.${point.name}.y`] = rounded(point.y, 2);
    row[`${task}.${point.name}.visible`] = rounded(point.visible, 4);
  }
  return row;
}

function classCells(task, classes, labels) {
  const row = { [task]: joined(classes.map((one) => one.label)) };
  for (const label of labels) row[`${task}.${label}`] = 0;
  for (const one of classes) row[`${task}.${one.label}`] = one.share;
  return row;
}

function garmentCells(task, garments) {
  const box = (one) => one.box.map((edge) => edge.toFixed(2)).join(" ");
  return {
    [task]: joined(garments.map((one) => one.label)),
    [`${task}.probability`]: joined(garments.map((one) => one.score.toFixed(4))),
    [`${task}.box`]: joined(garments.map(box)),
  };
}

function allCells(answers, schema) {
  const labels = new Map(schema.map((task) => [task.name, task.labels]));
  const cells = ([task, answer]) => cellsOf(task, answer, labels.get(task) ?? []);
  return Object.assign({}, ...Object.entries(answers).map(cells));
}

/** The rows of one photo: one, or one a garment where two models find and read them. */
export function rowsOf(image, prediction, schema) {
  if (!("garments" in prediction)) return [{ image, ...allCells(prediction.answers, schema) }];
  if (prediction.garments.length === 0) return [{ image, garment: 0 }];
  return prediction.garments.map((one, place) => {
    const [left, top, width, height] = one.box.map((edge) => rounded(edge, 2));
    const where = { left, top, width, height };
    const edges = Object.entries(where).map(([name, value]) => [`garment.${name}`, value]);
    return {
      image,
      garment: place + 1,
      "garment.label": one.label,
      "garment.probability": one.score,
      ...Object.fromEntries(edges),
      ...allCells(one.answers, schema),
    };
  });
}

/**
 * Rows as CSV. A text that a spreadsheet would run as a formula gets an apostrophe in front; the
 * mark at the beginning tells spreadsheets that the letters are UTF-8.
 */
export function asCsv(rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))];
  return `\ufeff${lines.map((cells) => `${cells.map(asCell).join(",")}\n`).join("")}`;
}

function asCell(value) {
  if (typeof value === "number") return String(value);
  const harmless = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
