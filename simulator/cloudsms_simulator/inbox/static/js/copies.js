// Copies: buttons that copy the text of what they name.

async function copy(button) {
  const text = document.querySelector(button.dataset.copies).textContent;
  await navigator.clipboard.writeText(text);
  const label = button.lastChild.textContent;
  button.lastChild.textContent = document.body.dataset.copied;
  setTimeout(() => (button.lastChild.textContent = label), 1500);
}

export function copies() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copies]");
    if (button) copy(button);
  });
}
