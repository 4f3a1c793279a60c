// Countries: the names of regions, in the language of the page.

function name(root) {
  const names = new Intl.DisplayNames([document.documentElement.lang], { type: "region" });
  for (const element of root.querySelectorAll("[data-region]:not([title])"))
    if (element.dataset.region) {
      element.title = names.of(element.dataset.region);
      element.setAttribute("role", "img");
      element.setAttribute("aria-label", element.title);
      if (element.dataset.named !== undefined) element.after(` ${element.title}`);
    }
}

export function countries() {
  document.body.addEventListener("htmx:afterSettle", () => name(document));
  name(document);
}
