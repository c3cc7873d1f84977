// The acts that no server has answered for yet, kept in the browser: one small entry each, written before the picture
// changes and dropped when the answer is there. A closed tab, a dead network, a restarted server lose none of them.
// An entry's name says whose it is, for which batch and stage, and when: sorted by name, acts come as they were done.

import { drop, keep, read, under } from "./store.js";

const NAME = "faceloop.act";

export class Journal {
  constructor(person) {
    this.mine = `${NAME}/${encodeURIComponent(person)}/`;
    this.written = 0;
    this.open = true; // whether the last act could be kept
  }

  write(act, { batch, stage }) {
    this.written += 1;
    const order = `${Date.now()}-${String(this.written).padStart(6, "0")}`;
    this.open = keep(`${this.mine}${batch}/${stage}/${order}/${act.token}`, JSON.stringify(act));
    return this.open;
  }

  // Whichever tab wrote them: tokens are unique.
  answered(tokens) {
    const gone = new Set(tokens);
    for (const key of under(this.mine)) if (gone.has(key.slice(key.lastIndexOf("/") + 1))) drop(key);
  }

  // What this person left behind, in any tab and at any stage, oldest first: [{batch, stage, act}].
  left() {
    return under(this.mine)
      .map((key) => ({ key, parts: key.slice(this.mine.length).split("/") }))
      .sort((a, b) => (a.parts[2] < b.parts[2] ? -1 : 1))
      .map(({ key, parts: [batch, stage] }) => ({ batch: Number(batch), stage, act: parsed(read(key)) }))
      .filter(({ act }) => act);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // half an entry is none: storage writes whole ones
  }
}
