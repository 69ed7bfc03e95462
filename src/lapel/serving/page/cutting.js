// Garments cut out of their photo, and small pictures of photos.

const MARGIN = 0.06; // of a garment's larger side, beyond each edge
const LARGEST = 360; // pixels of a cut-out's larger side
const THUMBNAIL = 96;

/** The pixels of a photo, upright; null for a file that the browser cannot show. */
export async function bitmapOf(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    return null;
  }
}

/** A garment by itself: its box with a margin, what is not of it faded. */
export function cutOut(canvas, bitmap, garment) {
  const [left, top, width, height] = garment.box;
  const margin = MARGIN * Math.max(width, height);
  const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  const across = Math.max(1, Math.min(bitmap.width, left + width + margin) - x);
  const down = Math.max(1, Math.min(bitmap.height, top + height + margin) - y);
  const scale = LARGEST / Math.max(across, down);
  canvas.width = Math.max(1, Math.round(across * scale));
  canvas.height = Math.max(1, Math.round(down * scale));
  const context = canvas.getContext("2d");
  const put = () => context.drawImage(bitmap, x, y, across, down, 0, 0, canvas.width, canvas.height);
  const rings = garment.outlines ?? garment.mask?.outlines ?? [];
  context.globalAlpha = rings.length ? 0.3 : 1;
  put();
  if (rings.length === 0) return;
  context.globalAlpha = 1;
  context.clip(pathOf(rings, x, y, scale));
  put();
}

function pathOf(rings, x, y, scale) {
  const path = new Path2D();
  for (const ring of rings) {
    for (const [place, corner] of ring.entries()) {
      const at = [(corner[0] - x) * scale, (corner[1] - y) * scale];
      if (place === 0) path.moveTo(...at);
      else path.lineTo(...at);
    }
    path.closePath();
  }
  return path;
}

/** A small square of a photo's middle. */
export function thumbnail(canvas, bitmap) {
  const side = Math.min(bitmap.width, bitmap.height);
  const [x, y] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  canvas.width = THUMBNAIL;
  canvas.height = THUMBNAIL;
  canvas.getContext("2d").drawImage(bitmap, x, y, side, side, 0, 0, THUMBNAIL, THUMBNAIL);
}
