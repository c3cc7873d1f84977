// The single view: the picture at once, what is known of it once it is painted, what lies beside it when somebody stays.

import { Beside } from "./beside.js";
import { details, headline } from "./facts.js";
import { Lens } from "./lens.js";
import * as marks from "./marks.js";
import { around, opening, root, state } from "./pile.js";
import { Reel } from "./reel.js";
import { soon } from "./soon.js";
import { domain, name } from "./telling.js";
import { _ } from "./words.js";

const AHEAD = 8; // pictures decoded before they are asked for
const BEHIND = 3; // pictures kept for who goes back
const GLANCE = 60; // ms that a picture stays before what is known of it is drawn: at a gallop nobody reads it

const byId = (id) => document.getElementById(id);
const at = (path) => new URL(path, root).href;

export const mat = document.querySelector(".mat");

export const reel = new Reel({
  place: mat,
  address: (item) => at(item.picture),
  alt: (item) => `${name(item)}, ${domain(item)}`,
  onSwap: (item) => {
    headline(item, place());
    marks.clear();
  },
  onPainted: explainLater,
});

export const lens = new Lens(byId("lens"), {
  address: (item) => at(item.whole ?? item.picture.replace(/\?.*/, "")),
  onToggle: (open) => byId("zoom").setAttribute("aria-pressed", String(open)),
});

const beside = new Beside(opening.stage);

export function show(item) {
  if (lens.of !== item) lens.close();
  reel.show(item);
  if (reel.painted === item.id) soon(explain); // it stays where it is: only its decision may have changed
}

export function leave() {
  lens.close();
  beside.of(null);
}

export function hold() {
  reel.hold(around(AHEAD, BEHIND));
}

// True pixels and back; `event` tells where in the picture somebody pointed.
export function zoom(event = null) {
  if (lens.open) return lens.close();
  const item = reel.on?.item;
  if (item && reel.painted === item.id) lens.show(item, event ? pointed(event) : undefined);
  return undefined;
}

function pointed(event) {
  const { element } = reel.on;
  const room = element.getBoundingClientRect();
  const scale = Math.min(room.width / element.naturalWidth, room.height / element.naturalHeight);
  const within = (point, middle, side) => Math.min(1, Math.max(0, 0.5 + (point - middle) / (side * scale)));
  return [
    within(event.clientX, room.left + room.width / 2, element.naturalWidth),
    within(event.clientY, room.top + room.height / 2, element.naturalHeight),
  ];
}

function place() {
  const words = { at: state.at + 1, items: state.items.length };
  return state.after === null ? _("{at} of {items}", words) : _("{at} of {items} or more", words);
}

let explaining = null;

function explainLater() {
  if (explaining === null) soon(explain); // the first one at once
  clearTimeout(explaining);
  explaining = setTimeout(() => soon(explain), GLANCE);
}

function explain() {
  const item = reel.on?.item;
  if (!item || reel.painted !== item.id || !state.single) return;
  details(item);
  marks.mark(item, reel.on.element);
  beside.of(item);
  const note = byId("note");
  if (!note || note.dataset.id === String(item.id)) return;
  note.value = "";
  note.dataset.id = item.id;
}
