// Keys: the list by j and k, from one of its pages to the next as well, Enter, u, / and ?.

function step(by) {
  const covers = [...document.querySelectorAll(".arrival .cover")];
  if (covers.length === 0) {
    document.querySelector(by > 0 ? "[data-next]" : "[data-previous]")?.click();
    return;
  }
  const at = covers.indexOf(document.activeElement);
  const next = covers[Math.min(Math.max(at + by, 0), covers.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  if (next === covers.at(-1)) document.querySelector(".more")?.scrollIntoView({ block: "nearest" });
}

const actions = {
  j: () => step(1),
  k: () => step(-1),
  u: () => document.querySelector("[data-back]")?.click(),
  "/": () => (document.getElementById("q") ? document.getElementById("q").focus() : location.assign(`${document.body.dataset.root}/`)),
  "?": () => document.getElementById("help").showModal(),
};

export function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (Object.hasOwn(actions, event.key)) {
      event.preventDefault();
      actions[event.key]();
    }
  });
}
