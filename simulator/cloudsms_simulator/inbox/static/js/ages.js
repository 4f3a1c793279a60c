// Ages: how long ago something was, and what the clock shows now, in the virtual time of the account.

const parts = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];

let clock = null;

/** What the account's clock shows now, in milliseconds since 1970; NaN without a clock. */
export function virtualNow() {
  return clock ? clock.now + (performance.now() - clock.read) * clock.rate : NaN;
}

/** A number of seconds in its largest unit: `3 h`, or `now`. */
export function inWords(seconds) {
  const found = parts.find(([length]) => Math.abs(seconds) >= length);
  return found ? `${Math.trunc(seconds / found[0])} ${found[1]}` : "0 s";
}

function set(now, rate) {
  clock = { now: Date.parse(now), rate: Number(rate), read: performance.now() };
}

function hongKong(at) {
  return new Date(at + 8 * 3600_000).toISOString().slice(11, 19);
}

function show() {
  const now = virtualNow();
  if (Number.isNaN(now)) return;
  for (const element of document.querySelectorAll("[data-clock] time")) element.textContent = hongKong(now);
  for (const element of document.querySelectorAll("time[data-age]"))
    element.textContent = inWords((now - Date.parse(element.dateTime)) / 1000);
}

function showMode(mode, rate) {
  for (const element of document.querySelectorAll("[data-clock] .mode"))
    element.textContent = mode === "scaled" ? `×${rate}` : element.dataset[mode];
}

export function ages() {
  const shown = document.querySelector("[data-clock]");
  if (!shown) return;
  set(shown.dataset.now, shown.dataset.rate);
  document.body.addEventListener("htmx:sseMessage", (event) => {
    if (event.detail.type !== "pulse") return;
    const beat = JSON.parse(event.detail.data);
    set(beat.now, beat.rate);
    showMode(beat.mode, beat.rate);
    show();
  });
  for (const lost of ["htmx:sseError", "htmx:sseClose"])
    document.body.addEventListener(lost, () => document.body.classList.add("lost"));
  document.body.addEventListener("htmx:sseOpen", () => document.body.classList.remove("lost"));
  document.body.addEventListener("htmx:afterSettle", show);
  setInterval(show, 1000);
  show();
}
