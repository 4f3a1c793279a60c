// Presses: a page that reads itself again waits while a button or a finger is down on it. A click belongs to what was
// there when it began; it is lost when something else has come into that place before it ends.

export function presses() {
  const putOff = new Set();
  let down = false;
  const release = () => {
    if (!down) return;
    down = false;
    setTimeout(() => {
      for (const element of putOff) htmx.trigger(element, "sse:pulse");
      putOff.clear();
    });
  };
  document.addEventListener("pointerdown", () => (down = true), true);
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, true);
  // One that is released where nobody tells the page, as outside its window.
  document.addEventListener("pointermove", (event) => event.buttons === 0 && release(), true);
  document.addEventListener(
    "htmx:beforeSwap",
    (event) => {
      const elt = event.detail.requestConfig?.elt.closest('[hx-trigger*="sse:pulse"]');
      if (!down || !elt) return;
      event.detail.shouldSwap = false;
      event.stopPropagation();
      putOff.add(elt);
    },
    true,
  );
}
