// Beside the photo: what nearly equals it, and the same person's other faces. Asked for once somebody stays at a
// picture, never before it is painted; each may be seen large.

import { root } from "./opening.js";
import { _ } from "./words.js";

const STAY = 300; // ms at one picture before it is asked
const MOST = 12;

const byId = (id) => document.getElementById(id);
const at = (path) => new URL(path, root).href;

export class Beside {
  constructor(stage) {
    this.stage = stage;
    this.told = new Map(); // by the item's number: {near, person}
    this.timer = null;
    this.asking = null;
  }

  // This item is on the screen now; null: none is.
  of(item) {
    clearTimeout(this.timer);
    this.asking?.abort();
    const told = item && this.told.get(item.id);
    this.show(told ?? { near: [], person: [] });
    if (item && !told) this.timer = setTimeout(() => this.ask(item), STAY);
  }

  async ask(item) {
    this.asking = new AbortController();
    const query = new URLSearchParams({ stage: this.stage, subject: item.id });
    try {
      const options = { credentials: "same-origin", signal: this.asking.signal };
      const response = await fetch(new URL(`api/beside?${query}`, root), options);
      if (!response.ok) return;
      const told = await response.json();
      this.told.set(item.id, told);
      this.show(told);
    } catch {
      // gone on to another picture, or no network: then there is nothing beside it
    }
  }

  show({ near, person }) {
    list("near", near);
    list("person", person);
  }
}

function list(name, others) {
  const part = byId(`facts-${name}-part`);
  if (part.hidden && !others.length) return;
  part.hidden = !others.length;
  byId(`facts-${name}`).replaceChildren(...others.slice(0, MOST).map(thumb));
}

function thumb(other) {
  const line = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const image = new Image();
  image.src = at(other.thumbnail);
  image.alt = other.kind === "photo" ? _("Photo {id}", other) : _("Face {id}", other);
  button.append(image);
  button.addEventListener("click", () => enlarge(other, image.alt));
  line.append(button);
  if (other.tie) line.append(Object.assign(document.createElement("span"), { textContent: other.tie, className: "meta" }));
  return line;
}

function enlarge(other, name) {
  const image = byId("large-picture");
  image.src = at(other.picture);
  image.alt = name;
  byId("large-title").textContent = name;
  byId("large-tie").textContent = other.tie ?? "";
  byId("large").showModal();
}
