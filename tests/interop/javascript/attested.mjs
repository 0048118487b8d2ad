// SPDX-License-Identifier: Apache-2.0
// The five attested operations through AWS's SDK for JavaScript. The document comes from the
// emulated security module, spoken to with cborg; CiphertextForRecipient is opened by pkijs.
// usage: node attested.mjs < SETTINGS    SETTINGS: JSON, see test_kms_javascript.py
// Prints a JSON object: what each operation gave the enclave, in base64.
import { createPublicKey, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  KMSClient,
} from "@aws-sdk/client-kms";
import * as asn1js from "asn1js";
import { decode, encode } from "cborg";
import { ContentInfo, CryptoEngine, EnvelopedData, setEngine } from "pkijs";

const ENVELOPED_DATA = "1.2.840.113549.1.7.3";
const RSA = {
  name: "RSA-OAEP",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};

const settings = JSON.parse(readFileSync(0));
const kms = new KMSClient({
  region: settings.region,
  endpoint: settings.endpoint,
  credentials: settings.credentials,
  maxAttempts: 1,
});
setEngine("node", new CryptoEngine({ name: "node", crypto: webcrypto }));

const recipient = await webcrypto.subtle.generateKey(RSA, true, ["encrypt", "decrypt"]);
const spki = new Uint8Array(await webcrypto.subtle.exportKey("spki", recipient.publicKey));
const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", recipient.privateKey);

/** One exchange with the module: u32 length, big-endian, then CBOR; both ways. */
function askModule(request) {
  return new Promise((resolve, reject) => {
    const body = encode(request);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    let received = Buffer.alloc(0);
    const socket = connect(settings.module, () => socket.write(Buffer.concat([head, body])));
    socket.on("error", reject);
    socket.on("data", (piece) => {
      received = Buffer.concat([received, piece]);
      if (received.length < 4 || received.length < 4 + received.readUInt32BE()) return;
      socket.destroy();
      resolve(decode(received.subarray(4)));
    });
  });
}

async function attested() {
  const members = { user_data: null, nonce: null, public_key: spki };
  const answer = await askModule({ Attestation: members });
  return {
    KeyEncryptionAlgorithm: "RSAES_OAEP_SHA_256",
    AttestationDocument: answer.Attestation.document,
  };
}

async function open(sealed) {
  const parsed = asn1js.fromBER(sealed);
  if (parsed.offset !== sealed.length) throw new Error("bytes after the CMS, or none at all");
  const info = new ContentInfo({ schema: parsed.result });
  if (info.contentType !== ENVELOPED_DATA) throw new Error(`not enveloped: ${info.contentType}`);
  const enveloped = new EnvelopedData({ schema: info.content });
  const plaintext = await enveloped.decrypt(0, { recipientPrivateKey: pkcs8 });
  return Buffer.from(plaintext).toString("base64");
}

/** Sends the command with a fresh document. Only the envelope may come back. */
async function release(Command, input, secretMember) {
  const answer = await kms.send(new Command({ ...input, Recipient: await attested() }));
  if (answer[secretMember] !== undefined) throw new Error(`${Command.name}: ${secretMember} is there`);
  return { opened: await open(answer.CiphertextForRecipient), answer };
}

async function refusalOf(command) {
  try {
    await kms.send(command);
  } catch (error) {
    return error.name;
  }
  return "nothing";
}

const context = { EncryptionContext: settings.context };
const ciphertext = Buffer.from(settings.ciphertext, "base64");
const decrypt = { CiphertextBlob: ciphertext, ...context };

const decrypted = await release(DecryptCommand, decrypt, "Plaintext");
const dataKey = await release(
  GenerateDataKeyCommand,
  { KeyId: settings.key, KeySpec: "AES_256", ...context },
  "Plaintext",
);
const again = await release(
  DecryptCommand,
  { CiphertextBlob: dataKey.answer.CiphertextBlob, ...context },
  "Plaintext",
);
const pair = await release(
  GenerateDataKeyPairCommand,
  { KeyId: settings.key, KeyPairSpec: "ECC_NIST_P256", ...context },
  "PrivateKeyPlaintext",
);
const random = await release(GenerateRandomCommand, { NumberOfBytes: 33 }, "Plaintext");
const shared = await release(
  DeriveSharedSecretCommand,
  {
    KeyId: settings.agreementKey,
    KeyAgreementAlgorithm: "ECDH",
    PublicKey: Buffer.from(settings.peer, "base64"),
  },
  "SharedSecret",
);
const pairKey = createPublicKey({
  key: Buffer.from(pair.opened, "base64"),
  format: "der",
  type: "pkcs8",
});

console.log(
  JSON.stringify({
    decrypt: decrypted.opened,
    dataKey: dataKey.opened,
    dataKeyAgain: again.opened,
    pairMatches: pairKey
      .export({ format: "der", type: "spki" })
      .equals(Buffer.from(pair.answer.PublicKey)),
    random: random.opened,
    sharedSecret: shared.opened,
    withoutDocument: await refusalOf(new DecryptCommand(decrypt)),
    otherContext: await refusalOf(
      new DecryptCommand({
        CiphertextBlob: ciphertext,
        EncryptionContext: { app: "other" },
        Recipient: await attested(),
      }),
    ),
  }),
);
