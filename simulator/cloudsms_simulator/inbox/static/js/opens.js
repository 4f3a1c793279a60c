// Opens: what a reader has opened stays open, and scrolled as it was, when the page reads itself again.

export function opens() {
  let open = [];
  document.body.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("details[open][id]")].map(({ id, lastElementChild }) => [id, lastElementChild?.scrollTop ?? 0]);
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    for (const [id, scrolled] of open) {
      const details = document.getElementById(id);
      if (!details) continue;
      details.open = true;
      if (details.lastElementChild) details.lastElementChild.scrollTop = scrolled;
    }
  });
}
