// Control: the handle that pulls the clock ahead, dialogs that ask first, and what a new account is told once.
import { inWords, virtualNow } from "./ages.js";

const pull = document.getElementById("pull");
const told = document.getElementById("pull-to");
const call = document.getElementById("pull-call");
const NEAR = 1.2; // percent of the line within which a handle snaps to what is due

const line = () => document.querySelector("svg.due");

/** The moment at the handle: [ISO 8601, seconds from now], null at now. */
function moment() {
  const percent = Number(pull.value) / 10;
  if (percent === 0) return null;
  const span = Number(line().dataset.span);
  const dots = [...line().querySelectorAll("circle")];
  const near = dots.filter((dot) => Math.abs(dot.dataset.x - percent) <= NEAR)
    .sort((one, other) => Math.abs(one.dataset.x - percent) - Math.abs(other.dataset.x - percent))[0];
  if (near) return [near.dataset.at, (Date.parse(near.dataset.at) - virtualNow()) / 1000];
  const seconds = Math.expm1((percent / 100) * Math.log1p(span));
  return [new Date(virtualNow() + seconds * 1000).toISOString(), seconds];
}

function show() {
  const found = moment();
  const at = found && new Date(Date.parse(found[0]) + 8 * 3600_000).toISOString().slice(0, 19).replace("T", " ");
  told.value = found ? `+${inWords(Math.max(found[1], 0))} · ${at}` : "";
  pull.setAttribute("aria-valuetext", told.value || pull.dataset.now);
}

function back() {
  pull.value = 0;
  show();
}

function go() {
  const found = moment();
  if (!found) return;
  call.elements.to.value = found[0];
  call.requestSubmit();
}

let held = false;
pull.addEventListener("input", show);
pull.addEventListener("pointerdown", () => (held = true));
pull.addEventListener("change", () => {
  if (held) go();
  held = false;
});
pull.addEventListener("keydown", (event) => {
  held = false;
  if (event.key === "Enter") go();
  else if (event.key === "Escape") back();
  else return;
  event.preventDefault();
  event.stopPropagation();
});
call.addEventListener("answered", back);
show();

// What a person is changing stays, while what they called elsewhere is read again.
const isChanged = (field) =>
  field.type === "checkbox" ? field.checked !== field.defaultChecked
  : field.tagName === "SELECT" ? [...field.options].some((each) => each.defaultSelected && !each.selected)
  : field.value !== field.defaultValue;
const fieldsOf = (element) => [...element.querySelectorAll("input, select, textarea")];
function saved(field) {
  if (field.type === "checkbox") field.defaultChecked = field.checked;
  else if (field.tagName === "SELECT") for (const each of field.options) each.defaultSelected = each.selected;
  else field.defaultValue = field.value;
}
document.addEventListener("answered", (event) => {
  if (event.detail.ok && event.target.closest("#settings")) fieldsOf(event.target).forEach(saved);
  event.target.closest("dialog")?.close();
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "settings" && fieldsOf(event.target).some(isChanged)) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.target.id === "settings" && fieldsOf(event.target).some(isChanged)) event.detail.shouldSwap = false;
});

document.addEventListener("click", (event) => {
  const asks = event.target.closest("[data-asks]");
  if (asks) document.querySelector(asks.dataset.asks).showModal();
});

document.getElementById("create").addEventListener("answered", (event) => {
  const { ok, said } = event.detail;
  if (!ok) return;
  document.getElementById("created").hidden = false;
  document.getElementById("created-key").textContent = said.auth_key;
  document.getElementById("created-link").href = `${document.body.dataset.root}/control?${new URLSearchParams({ account: said.name })}`;
  event.target.reset();
});
