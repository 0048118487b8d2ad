#!/usr/bin/node
// SPDX-License-Identifier: Apache-2.0
// A workload in JavaScript: asks the agent for a secret and proves that it has it. The proof
// is HMAC-SHA256(secret, challenge), which whoever owns the secret can compute too.
"use strict";

const crypto = require("node:crypto");
const http = require("node:http");

function fetchSecret(name) {
  const request = { socketPath: process.env.COFFERDAM_SOCKET, path: `/v1/secrets/${name}` };
  return new Promise((resolve, reject) => {
    http
      .get(request, (answer) => {
        const pieces = [];
        answer.on("data", (piece) => pieces.push(piece));
        answer.on("end", () => {
          const body = Buffer.concat(pieces);
          if (answer.statusCode === 200) resolve(body);
          else reject(new Error(`the agent refused: ${body}`));
        });
      })
      .on("error", reject);
  });
}

async function main([name, challenge]) {
  const secret = await fetchSecret(name);
  const proof = crypto.createHmac("sha256", secret).update(challenge).digest("hex");
  secret.fill(0);
  console.log(JSON.stringify({ language: "JavaScript", uid: process.getuid(), proof }));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
