// What undo takes back: first what was done in this page, the last act first; then what this person decided here
// before, in another tab or another week, as the server tells it, newest first.

import { adopt, opening, root, state } from "./pile.js";

const PAGE = 50;

export class Undoing {
  constructor() {
    this.earlier = []; // what the server told, newest first
    this.before = null; // from where it tells on; null: from the newest
    this.turn = Promise.resolve();
  }

  // The next group to take back; null when there is none. Asked twice at once, it gives two.
  last() {
    this.turn = this.turn.then(() => this.ours() ?? this.others());
    return this.turn;
  }

  ours() {
    while (state.done.length) {
      const group = state.done.pop().filter((item) => item.decision?.mine);
      if (group.length) return group;
    }
    return null;
  }

  async others() {
    for (let newest = false; ; ) {
      const item = this.earlier.shift();
      if (item?.decision?.mine) return [item];
      if (item) continue; // taken back already, and the server does not know yet
      if (this.before === null && newest) return null; // all of it has been told
      newest ||= this.before === null;
      if (!(await this.ask())) return null;
    }
  }

  async ask() {
    const query = new URLSearchParams({ batch: opening.batch, stage: opening.stage, limit: PAGE });
    if (this.before !== null) query.set("before", this.before);
    const page = await fetch(new URL(`api/mine?${query}`, root), { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.json() : null))
      .catch(() => null);
    this.earlier = adopt(page?.items ?? []);
    this.before = page?.before ?? null;
    return this.earlier.length > 0;
  }
}
