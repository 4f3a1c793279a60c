// Leads: a packet that was sent again leads to the message that came of it, or to its request.

document.addEventListener("answered", (event) => {
  const { ok, said, leads } = event.detail;
  if (leads === undefined || !ok) return;
  const [path, of] =
    said.uids.length === 1 ? [`/messages/${said.uids[0]}`, said.account] : [`/requests/${said.id}`, said.account ?? "*"];
  const query = new URLSearchParams({ of });
  if (leads) query.set("account", leads);
  location.assign(`${document.body.dataset.root}${path}?${query}`);
});
