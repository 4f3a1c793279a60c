// Live: what reads itself again stays as it is while nothing in it changed, and so does where its reader is in it.
// What is gone from the journal stays too, and says so.

const last = new Map();

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.dataset?.gone !== undefined) event.preventDefault();
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const box = event.target.closest("[data-live]") ?? event.detail.requestConfig?.elt.closest("[data-live]");
  if (!box) return;
  if (event.detail.xhr.status === 404) {
    box.dataset.gone = "";
    event.detail.isError = false;
    document.getElementById("gone").hidden = false;
  }
  if (event.detail.xhr.status !== 200) return;
  const name = box.dataset.live;
  const page = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
  const fresh = page.querySelector(name)?.innerHTML;
  if (fresh === last.get(name)) {
    event.detail.shouldSwap = false;
    return;
  }
  last.set(name, fresh);
  const focused = document.activeElement?.closest(name) ? document.activeElement.textContent : null;
  if (focused === null) return;
  document.body.addEventListener(
    "htmx:afterSwap",
    () => {
      const again = [...box.querySelectorAll("button, summary, a, [tabindex]")];
      again.find((each) => each.textContent === focused)?.focus({ preventScroll: true });
    },
    { once: true },
  );
});
