// Receive delivery reports over mutual TLS with Node's own https.
//
// Usage: node receive.js
// Prints the port it listens on, then every report, one line of JSON each, until it is stopped.
"use strict";

const fs = require("fs");
const https = require("https");

// "2021-09-13 15:04:05", local time.
function now() {
  const date = new Date();
  const two = (number) => String(number).padStart(2, "0");
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

const server = https.createServer(
  {
    cert: fs.readFileSync(process.env.CLOUDSMS_CERT),
    key: fs.readFileSync(process.env.CLOUDSMS_KEY),
    // Two-way: only a caller with a certificate of this authority can push a report.
    ca: fs.readFileSync(process.env.CLOUDSMS_CA),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const report = JSON.parse(Buffer.concat(chunks));
      console.log(JSON.stringify(report));
      response.setHeader("Content-Type", "application/json");
      response.end(
        JSON.stringify({
          METHOD: "SMS_PUSH_REPORT",
          TYPE: "ANSWER",
          SERIAL: report.SERIAL,
          TIME: now(),
          RESULT_CODE: 1,
          RESULT_DESC: "OK",
        }),
      );
    });
  },
);

server.listen(Number(process.env.CLOUDSMS_DR_PORT ?? 0), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
