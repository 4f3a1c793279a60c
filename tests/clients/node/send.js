// Send one SMS with Node's own https.
//
// Usage: node send.js TEXT [characters]
// Prints the platform's answer, one line of JSON. "characters" counts Content-Length the way the document's sample does.
"use strict";

const fs = require("fs");
const https = require("https");

const [text, counting] = process.argv.slice(2);

// "2021-09-13 15:04:05", local time.
function now() {
  const date = new Date();
  const two = (number) => String(number).padStart(2, "0");
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

const packet = JSON.stringify({
  METHOD: "SMS_SEND_REQUEST",
  TYPE: "REQUEST",
  SERIAL: 1,
  TIME: now(),
  AUTH_KEY: process.env.CLOUDSMS_AUTH_KEY,
  ROUTE_ID: process.env.CLOUDSMS_ROUTE_ID,
  MULTI_MSISDN_LIST: [{ DEST_MSISDN: "67123411", COUNTRY_CODE: 852 }],
  SMS_CONTENT: text,
  SIGNATURE: "CloudSMS",
  SIGNATURE_TYPE: 3,
  VERSION: "2021-01-01",
  // Comes back in the delivery report, unchanged: the customer's own name for this message.
  CUSTOMER_BODY: { order: "node-1001" },
});

// Content-Length is a number of bytes. `packet.length` is a number of characters: the same for English, too small for
// Chinese, and then the platform reads a packet without its end: RESULT_CODE 268435463 (0x10000007).
const length = counting === "characters" ? packet.length : Buffer.byteLength(packet);

const request = https.request(
  process.env.CLOUDSMS_URL,
  {
    method: "POST",
    headers: { "Content-Type": "application/json", "Content-Length": length },
    ca: fs.readFileSync(process.env.CLOUDSMS_CA),
    cert: fs.readFileSync(process.env.CLOUDSMS_CERT),
    key: fs.readFileSync(process.env.CLOUDSMS_KEY),
    timeout: 10_000,
  },
  (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => console.log(JSON.stringify(JSON.parse(Buffer.concat(chunks)))));
  },
);
request.on("timeout", () => request.destroy(new Error("no answer within 10 seconds")));
request.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
request.end(packet);
