// Run with `node --test`. Every test has an account of its own on the simulator, with a clock that stands.
"use strict";

const assert = require("node:assert/strict");
const { afterEach, beforeEach, test } = require("node:test");
const { Codes } = require("./codes.js");

const ADMIN = `${process.env.CLOUDSMS_SIM_ADMIN_URL ?? "http://127.0.0.1:61816"}/api/v1`;
const TOKEN = process.env.CLOUDSMS_SIM_ADMIN_TOKEN;

async function admin(method, path, body) {
  const response = await fetch(ADMIN + path, {
    method,
    headers: { "Content-Type": "application/json", ...(TOKEN && { Authorization: `Bearer ${TOKEN}` }) },
    body: body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? null : await response.json();
  assert.ok(response.ok, answer?.detail);
  return answer;
}

let account, codes;

beforeEach(async () => {
  const { urls } = await admin("GET", "/info");
  const { ca_pem: ca } = await admin("GET", "/certs");
  account = await admin("POST", "/accounts", { clock: "frozen" });
  codes = new Codes({ url: urls.platform, authKey: account.auth_key, routeId: account.routes[0], ca });
});

afterEach(async () => {
  codes?.agent.destroy();
  if (account) await admin("DELETE", `/accounts/${account.name}`);
});

const of = (path) => `${path}?account=${account.name}`;

test("a code arrives although the platform is busy at first", async () => {
  await admin("POST", of("/rules"), { match: { to: "852*" }, reply: [{ code: "Busy", times: 1 }, { code: "OK" }] });
  const uid = await codes.send("67123411", "123456");

  const { items: [message] } = await admin("POST", of("/messages/wait"), { match: "to:85267123411", timeout: "5s" });
  assert.equal(message.uid, uid);
  assert.match(message.text, /\b123456$/);

  await admin("POST", of("/clock/advance"), { by: "3s" });
  const { items: [report] } = await admin("POST", of("/reports/wait"), { match: `uid:${uid}`, timeout: "5s" });
  assert.equal(report.state_name, "DELIVERED");
  assert.equal((await admin("GET", `/accounts/${account.name}`)).balance.amount, "999.95");
});

test("a phone that is off for 25 hours never gets its code, which costs nothing to wait for", async () => {
  await admin("POST", of("/rules"), { match: { to: "852*" }, report: [{ none: true }] });
  const uid = await codes.send("67123411", "123456");
  const { fired } = await admin("POST", of("/clock/advance"), { by: "25h" });
  assert.deepEqual(fired.map((report) => [report.uid, report.state_name]), [[uid, "EXPIRED"]]);
});

test("a route that does not exist is refused by a report, not by the answer", async () => {
  codes.routeId = "Elsewhere";
  const uid = await codes.send("67123411", "123456");
  await admin("POST", of("/clock/run-until-idle"));
  const { items: [message] } = await admin("POST", of("/messages/wait"), { match: `uid:${uid}`, timeout: "5s" });
  assert.equal(message.state_name, "LOCAL_REJECTED");
});
