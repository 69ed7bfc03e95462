// Photos come in: dropped anywhere, pasted, chosen, or taken with a phone's camera.

import { found } from "./dom.js";

/** Hand every lot of files to a function, however they come in. */
export function takeFiles(take) {
  for (const [button, input] of [["choose", "files"], ["photograph", "camera"]]) {
    found(button).addEventListener("click", () => found(input).click());
    found(input).addEventListener("change", (event) => {
      take([...event.target.files]);
      event.target.value = ""; // the same photo may be chosen again
    });
  }
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  });
  takeDropped(take);
}

function takeDropped(take) {
  const root = document.documentElement;
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    root.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) root.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    root.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}
