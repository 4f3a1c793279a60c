// Verification codes by SMS: the code under test.
"use strict";

const https = require("node:https");

const BUSY = 3;

class Codes {
  constructor({ url, authKey, routeId, ca }) {
    Object.assign(this, { url, authKey, routeId });
    this.agent = new https.Agent({ ca, keepAlive: true });
    this.serial = 0;
  }

  // The SMS_UID of the message. A platform that is busy is asked again; anything else it refuses is an error.
  async send(number, code) {
    for (let attempt = 1; attempt <= 3; attempt++) {
      const answer = await this.post({
        METHOD: "SMS_SEND_REQUEST",
        TYPE: "REQUEST",
        SERIAL: (this.serial = (this.serial % 65535) + 1),
        TIME: new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 19).replace("T", " "),
        AUTH_KEY: this.authKey,
        ROUTE_ID: this.routeId,
        VERSION: "2021-01-01",
        MULTI_MSISDN_LIST: [{ COUNTRY_CODE: 852, DEST_MSISDN: number }],
        SMS_CONTENT: `Your code is ${code}`,
        CUSTOMER_BODY: { code },
      });
      if (answer.RESULT_CODE === 1) return answer.DETAIL_LIST[0].SMS_UID;
      if (answer.RESULT_CODE !== BUSY) throw new Error(`${answer.RESULT_DESC} (${answer.RESULT_CODE})`);
    }
    throw new Error("the platform stays busy");
  }

  post(packet) {
    const body = Buffer.from(JSON.stringify(packet));
    const headers = { "Content-Type": "application/json", "Content-Length": body.length };
    return new Promise((resolve, reject) => {
      const request = https.request(this.url, { method: "POST", agent: this.agent, headers, timeout: 10_000 });
      request.on("timeout", () => request.destroy(new Error("no answer within 10 seconds")));
      request.on("error", reject);
      request.on("response", async (response) => {
        try {
          const chunks = [];
          for await (const chunk of response) chunks.push(chunk);
          resolve(JSON.parse(Buffer.concat(chunks)));
        } catch (error) {
          reject(error);
        }
      });
      request.end(body);
    });
  }
}

module.exports = { Codes };
