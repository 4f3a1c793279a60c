// Terms: what is suggested while a search is typed goes on from the words that stand there.

export function terms() {
  const field = document.getElementById("q");
  const list = document.getElementById("terms");
  if (!field || !list) return;
  const known = [...list.options].map((option) => option.value);
  field.addEventListener("input", () => {
    const at = field.value.lastIndexOf(" ") + 1;
    const before = field.value.slice(0, at);
    const sign = field.value[at] === "-" ? "-" : "";
    list.replaceChildren(...known.map((term) => new Option("", before + sign + term)));
  });
}
