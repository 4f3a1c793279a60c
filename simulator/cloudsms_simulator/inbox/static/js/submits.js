// Submits: fields whose form is sent as soon as they change.

export function submits() {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
}
