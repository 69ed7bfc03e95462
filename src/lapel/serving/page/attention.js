// Where a model looked, as colours over the photo.

// From little to much: transparent violet, red, yellow.
const STOPS = [
  [0, [70, 20, 110], 0],
  [0.45, [150, 30, 110], 0.25],
  [0.75, [240, 90, 40], 0.5],
  [1, [255, 235, 80], 0.75],
];

/**
 * Paint a map over the whole of a canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number, png: string}} map gray PNG in base64, over the whole photo
 */
export async function paint(canvas, map) {
  const image = new Image();
  image.src = `data:image/png;base64,${map.png}`;
  await image.decode();
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, map.width, map.height);
  const pixels = context.getImageData(0, 0, map.width, map.height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const [colour, opacity] = between(pixels.data[at] / 255);
    pixels.data.set(colour, at);
    pixels.data[at + 3] = 255 * opacity;
  }
  context.putImageData(pixels, 0, 0);
}

function between(value) {
  const next = Math.max(1, STOPS.findIndex(([place]) => place >= value));
  const [from, low, thin] = STOPS[next - 1];
  const [to, high, thick] = STOPS[next];
  const share = (value - from) / (to - from);
  const mixed = low.map((channel, place) => channel + share * (high[place] - channel));
  return [mixed, thin + share * (thick - thin)];
}
