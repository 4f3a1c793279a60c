// The list: stays where its reader is while others arrive, and marks what was not read yet.

const MOST_OPENED = 2000;

function memory(run) {
  const key = `read-${run}`;
  let kept = { below: 0, opened: [] };
  try {
    for (const other of Object.keys(localStorage)) if (other.startsWith("read-") && other !== key) localStorage.removeItem(other);
    kept = JSON.parse(localStorage.getItem(key)) ?? kept;
  } catch {
    // no storage in this browser: everything is unread
  }
  const keep = () => localStorage.setItem(key, JSON.stringify(kept));
  return {
    read: (mark) => Number(mark.split(".")[0]) <= kept.below || kept.opened.includes(mark),
    open(mark) {
      kept.opened = [...kept.opened.filter((each) => each !== mark), mark].slice(-MOST_OPENED);
      keep();
    },
    openAllTo(request) {
      kept = { below: request, opened: [] };
      keep();
    },
  };
}

export function list() {
  const arrivals = document.getElementById("arrivals");
  if (!arrivals) return;
  const seen = memory(document.body.dataset.run);
  const news = document.getElementById("news");
  const isAtTop = () => window.scrollY < arrivals.offsetTop;
  let focused = null;

  const mark = () => {
    for (const row of arrivals.querySelectorAll("[data-mark]")) row.classList.toggle("unread", !seen.read(row.dataset.mark));
  };
  const showNews = (is) => (news.hidden = !is);

  // A reader who is further down keeps their place, and is told.
  arrivals.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target !== arrivals || isAtTop()) return;
    event.preventDefault();
    showNews(true);
  });
  // So does one whose keys have walked to a row that is not among the newest any more.
  arrivals.addEventListener("htmx:beforeSwap", (event) => {
    focused = document.activeElement?.closest("[data-mark]")?.id ?? null;
    if (event.target !== arrivals || !focused || event.detail.serverResponse.includes(`id="${focused}"`)) return;
    event.detail.shouldSwap = false;
    focused = null;
    showNews(true);
  });
  arrivals.addEventListener("focusout", (event) => {
    if (!news.hidden && isAtTop() && !arrivals.contains(event.relatedTarget)) document.body.dispatchEvent(new Event("news"));
  });
  document.body.addEventListener("htmx:afterSettle", mark); // settling gives rows the classes the server sent
  document.body.addEventListener("htmx:afterSwap", () => {
    if (isAtTop()) showNews(false);
    mark();
    if (focused) document.getElementById(focused)?.querySelector(".cover").focus({ preventScroll: true });
    focused = null;
  });
  news.addEventListener("click", () => {
    window.scrollTo(0, 0);
    document.body.dispatchEvent(new Event("news"));
  });
  arrivals.addEventListener("click", (event) => {
    const row = event.target.closest("[data-mark]");
    if (row) seen.open(row.dataset.mark);
  });
  document.getElementById("read-all").addEventListener("click", () => {
    const first = arrivals.querySelector("[data-mark]");
    if (first) seen.openAllTo(Number(first.dataset.mark.split(".")[0]));
    mark();
  });
  mark();
}
