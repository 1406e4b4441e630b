// Print what the golden vectors of wire format 1 ask for, as JSON: node golden.mjs SOURCES < questions

import { readFileSync } from "node:fs";

const sources = process.argv[2];
const { crc16Dnp, encode, makePayload, makePatternBits } = await import(`${sources}/payload.js`);
const { importSealKey, makeSealBits, sealPatternBits } = await import(`${sources}/seal.js`);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const { notices, seals, refused } = JSON.parse(readFileSync(0, "utf8"));

const answers = { crc: crc16Dnp(Buffer.from("123456789")), notices: [], seals: [], refused: [] };
for (const notice of notices) {
  const payload = makePayload(notice);
  answers.notices.push({
    payload: hex(payload),
    coded: [...encode(payload)],
    pattern: hex(makePatternBits(notice)),
  });
}
for (const { key, superframe, notice } of seals) {
  const imported = await importSealKey(Buffer.from(key, "hex"));
  const bits = makePatternBits(notice);
  answers.seals.push({
    bits: hex(await makeSealBits(imported, superframe)),
    pattern: hex(await sealPatternBits(bits, imported, superframe)),
  });
}
for (const notice of refused) {
  try {
    makePayload(notice);
    answers.refused.push(null);
  } catch (error) {
    answers.refused.push(`${error.name}: ${error.message}`);
  }
}
console.log(JSON.stringify(answers));
