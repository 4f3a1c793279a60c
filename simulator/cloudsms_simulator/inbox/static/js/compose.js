// Compose: keeps what stands in the form while this window is open, and shows what came of what was sent.

const form = document.getElementById("compose");
const key = "compose";

function keep() {
  try {
    sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(new FormData(form))));
  } catch {
    // no storage in this browser: the form is empty after a reload
  }
}

function restore() {
  let kept = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(key)) ?? {};
  } catch {
    return;
  }
  for (const [name, value] of Object.entries(kept)) if (form.elements[name]) form.elements[name].value = value;
  for (const folded of form.querySelectorAll("details"))
    folded.open = [...folded.querySelectorAll("input")].some((field) => field.value);
}

const drafted = () => document.body.dispatchEvent(new Event("drafted"));

const names = new Intl.DisplayNames([document.documentElement.lang], { type: "region" });
for (const option of form.querySelectorAll("[data-country]"))
  if (option.dataset.country) option.textContent = `+${option.value} ${names.of(option.dataset.country)}`;

form.addEventListener("input", keep);
form.querySelector("[data-clears]").addEventListener("click", () => {
  form.reset();
  keep();
  drafted();
  document.getElementById("to").focus();
});
form.addEventListener("answered", (event) => {
  const { ok, said } = event.detail;
  if (!ok || said.request_id === null) return;
  const sent = document.getElementById("sent");
  const url = new URL(sent.dataset.url, location.href);
  url.searchParams.set("request", said.request_id);
  url.searchParams.set("of", said.account ?? "*");
  htmx.ajax("GET", url.href, { target: sent, swap: "innerHTML" });
});
restore();
document.addEventListener("DOMContentLoaded", drafted);
