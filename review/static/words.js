// What the page says, in the language it was asked for. A sentence is one key of the table, never glued from pieces;
// what is not in the table is said in English.

import { opening } from "./opening.js";

const table = opening.words ?? {};

export function _(sentence, values = {}) {
  return filled(table[sentence] || sentence, values);
}

// A sentence that counts: as it is for one, and for any other number. {number} stands for the number in both.
export function _n(one, many, number, values = {}) {
  const forms = [table[one] ?? [one, many]].flat();
  return filled(number === 1 ? forms[0] : forms.at(-1), { number, ...values });
}

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (hole, name) => (name in values ? values[name] : hole));
}
