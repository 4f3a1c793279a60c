// Leads: a packet that was sent again leads to the message that came of it, or to its request.

document.addEventListener("answered", (event) => {
  const from = event.target.closest("[data-leads]");
  const { ok, said } = event.detail;
  if (!from || !ok) return;
  const [path, of] =
    said.uids.length === 1 ? [`/messages/${said.uids[0]}`, said.account] : [`/requests/${said.id}`, said.account ?? "*"];
  const query = new URLSearchParams({ of });
  if (from.dataset.leads) query.set("account", from.dataset.leads);
  location.assign(`${path}?${query}`);
});
