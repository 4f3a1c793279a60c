// Calls: buttons and forms that call the admin API, and the line that shows the call as one of a shell.
// htmx sends forms; the API wants JSON, which a form cannot be.

const line = () => document.getElementById("call");

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The call as a line for a shell. */
export function asCurl(method, url, body) {
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  words.push(quoted(new URL(url, location.href).href));
  if (body !== null) words.push("-H", "'Content-Type: application/json'", "-d", quoted(body));
  return words.join(" ");
}

/** What a form or a button calls: [method, address, body or null]. */
function callOf(element) {
  const { call, url, body } = element.dataset;
  return [call, url, element.tagName === "FORM" ? JSON.stringify(valuesOf(element)) : (body ?? null)];
}

/** The fields of a form as JSON has them: `data-kind` says which are numbers, flags, JSON, or lists of lines.
 *  `callback.url` is the key `url` of the object `callback`; `data-empty="null"` is null when nothing stands there. */
export function valuesOf(form) {
  const whole = {};
  const place = (name) =>
    name.split(".").slice(0, -1).reduce((object, key) => (object[key] ??= {}), whole);
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    const text = field.value.trim();
    const values = place(field.name);
    const name = field.name.split(".").at(-1);
    if (field.type === "checkbox") values[name] = field.checked;
    else if (text === "" && field.dataset.empty === "null") values[name] = null;
    else if (text === "" && !field.hasAttribute("data-keeps-empty")) continue;
    else if (field.dataset.kind === "number") values[name] = Number(text);
    else if (field.dataset.kind === "json") values[name] = JSON.parse(text);
    else if (field.dataset.kind === "lines") values[name] = text.split(/\s*[\n,]\s*/).filter(Boolean);
    else values[name] = field.dataset.kind === "text" ? field.value : text;
  }
  return whole;
}

function show(element) {
  if (!line()) return;
  try {
    line().querySelector("code").textContent = asCurl(...callOf(element));
  } catch {
    return; // a field that holds no JSON yet
  }
  line().querySelector("output").textContent = "";
  line().hidden = false;
}

function tell(text, good) {
  const output = line().querySelector("output");
  output.textContent = text;
  output.className = good ? "good" : "bad";
  line().hidden = false;
}

async function make(element) {
  const button = element.tagName === "FORM" ? element.querySelector("button:not([type=button])") : element;
  if (button?.getAttribute("aria-busy") === "true") return;
  show(element);
  const leads = element.closest("[data-leads]")?.dataset.leads; // a pulse may replace the button before the answer is there
  try {
    const [method, url, body] = callOf(element);
    button?.setAttribute("aria-busy", "true");
    const headers = body === null ? {} : { "Content-Type": "application/json" };
    const answer = await fetch(url, { method, headers, body });
    const said = answer.status === 204 ? null : await answer.json();
    tell(answer.ok ? `${answer.status}` : (said?.detail ?? `${answer.status}`), answer.ok);
    const told = new CustomEvent("answered", { bubbles: true, detail: { ok: answer.ok, said, leads } });
    (element.isConnected ? element : document.body).dispatchEvent(told);
    if (answer.ok) {
      if (element.dataset.then) location.assign(element.dataset.then);
      else document.body.dispatchEvent(new Event("called"));
    }
  } catch (error) {
    tell(error instanceof SyntaxError ? error.message : document.body.dataset.failed, false);
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

export function calls() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-call]");
    if (button) make(button);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-call]")) return;
    event.preventDefault();
    make(event.target);
  });
  // What was called stays told when the page is read again beneath a pointer that rests, and gets its focus back.
  let pressed = "";
  let swapping = false;
  const place = (event) => `${event.clientX} ${event.clientY}`;
  document.addEventListener("pointerdown", (event) => (pressed = place(event)));
  document.addEventListener("pointermove", (event) => {
    if (place(event) !== pressed) pressed = "";
  });
  document.addEventListener("htmx:beforeSwap", () => (swapping = true));
  document.addEventListener("htmx:afterRequest", () => (swapping = false));
  for (const when of ["pointerover", "focusin", "input"])
    document.addEventListener(when, (event) => {
      const element = event.target.closest?.("[data-call]");
      if (!element || swapping || (when === "pointerover" && place(event) === pressed)) return;
      show(element);
    });
}
