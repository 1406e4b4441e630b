// What the package says, in the reader's language.  The English text is the key, as in gettext: each
// template of the catalogue becomes a pattern, and what stood in its places goes into the translation.

import { fill } from "./fill.js";

const PREFIX = "package.";
const SEPARATORS = { "; ": "separator.then", " and ": "separator.and" };
// Places that are no numbers; what stands in `what` is itself said by the package.
const SHAPES = { what: "(.+)", reason: "(.+)", kind: "(\\S+)", codec: "(\\S+)", owner: "(\\S+)" };
const NUMBER = "(-?\\d[\\d,]*(?:\\.\\d+)?)";
const MOST_DIGITS = 15; // that a number of JavaScript holds
// Limits on texts that nobody would read, such as one that names each of a thousand joined files.
const MOST_PARTS = 200;
const MOST_DEPTH = 4;
const MOST_SEPARATORS = 4; // within one message of a list

const escapePattern = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

function compile(key, template) {
  const pieces = template.split(/\{(\w+)\}/);
  const shapes = pieces.map((piece, at) => (at % 2 ? SHAPES[piece] ?? NUMBER : escapePattern(piece)));
  const names = pieces.filter((_, at) => at % 2);
  return { key, names, pattern: new RegExp(`^${shapes.join("")}$`, "su") };
}

// English groups thousands by commas and has a decimal point.
function formatNumber(text, language) {
  if (text.length > MOST_DIGITS) return text;
  const plain = text.replaceAll(",", "");
  const digits = plain.split(".")[1]?.length ?? 0;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: plain !== text };
  return new Intl.NumberFormat(language, format).format(Number(plain));
}

class PackageWords {
  #own;
  #language;
  #templates;

  constructor(catalogue, language) {
    this.#own = catalogue[language];
    this.#language = language;
    const keys = Object.keys(catalogue.en).filter((key) => key.startsWith(PREFIX));
    this.#templates = keys.map((key) => compile(key, catalogue.en[key]));
  }

  translate(text, depth = 0) {
    if (depth > MOST_DEPTH) return null;
    return this.#translateOne(text, depth) ?? this.#translateList(text, depth);
  }

  #translateOne(text, depth) {
    for (const { key, names, pattern } of this.#templates) {
      const found = pattern.exec(text);
      const values = found && this.#readValues(names, found, depth);
      if (values) return fill(this.#own[key], values);
    }
    return null;
  }

  #readValues(names, found, depth) {
    const values = {};
    for (const [at, name] of names.entries()) {
      const value = found[at + 1];
      if (name === "what") values[name] = this.translate(value, depth + 1);
      else values[name] = name in SHAPES ? value : formatNumber(value, this.#language);
      if (values[name] === null) return null;
    }
    return values;
  }

  // Messages one after the other; some have what separates them within.
  #translateList(text, depth) {
    const parts = text.split(/(; |, | and )/);
    if (parts.length < 3 || parts.length > 2 * MOST_PARTS) return null;
    let made = "";
    let at = 0;
    while (at < parts.length) {
      const [words, next] = this.#translateNext(parts, at, depth);
      if (words === null) return null;
      const separator = parts[next] ?? "";
      made += words + (this.#own[SEPARATORS[separator]] ?? separator);
      at = next + 1;
    }
    return made;
  }

  #translateNext(parts, at, depth) {
    for (let n = MOST_SEPARATORS; n >= 0; n -= 1) {
      const next = at + 2 * n + 1;
      const words = next <= parts.length ? this.#translateOne(parts.slice(at, next).join(""), depth) : null;
      if (words !== null) return [words, next];
    }
    return [null, at];
  }
}

// Returns what translates a text of the package; null of that which the catalogue does not have.
export function makeTranslator(catalogue, language) {
  if (language === "en") return () => null;
  const words = new PackageWords(catalogue, language);
  return (text) => words.translate(text);
}
