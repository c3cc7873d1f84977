// What the page says, in the language it was asked for. A sentence is one key of the table, never glued from pieces;
// what is not in the table is said in English.

import { opening } from "./opening.js";

const table = opening.words ?? {};

export function _(sentence, values = {}) {
  const said = table[sentence] || sentence;
  return said.replace(/\{(\w+)\}/g, (hole, name) => (name in values ? values[name] : hole));
}
