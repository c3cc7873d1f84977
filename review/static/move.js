// Where we are: from picture to picture, from page to page, between grid and single view.

import { draw } from "./draw.js";
import { more, opening, pageItems, pageStart, restart, spoken, state } from "./pile.js";
import { say } from "./talk.js";

const byId = (id) => document.getElementById(id);

export function advance() {
  const limit = state.single ? state.items.length : pageStart() + pageItems().length;
  const next = state.items.findIndex((item, index) => index > state.at && index < limit && !item.decision);
  if (next >= 0) return go(next);
  if (!state.single) {
    if (pageItems().every((item) => item.decision)) say(`This page is decided. ${spoken()} N turns the page.`);
    return draw();
  }
  if (state.after !== null) return more().then((found) => (found ? advance() : draw()));
  const earlier = state.items.findIndex((item) => !item.decision);
  if (earlier >= 0) go(earlier);
  else draw();
}

export function go(index) {
  if (!state.items.length) return draw();
  const wanted = Math.max(0, index);
  if (wanted < state.items.length) {
    state.at = wanted;
    return draw();
  }
  if (state.after === null) {
    state.at = state.items.length - 1;
    return draw();
  }
  return more().then((found) => (found ? go(wanted) : draw()));
}

export function move(key) {
  if (state.single) return go(state.at + (key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1));
  const across = columns();
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[key];
  const first = pageStart();
  const wanted = state.at + step;
  if (wanted >= first && wanted < first + pageItems().length) go(wanted);
}

function columns() {
  const cards = [...byId("cards").children];
  const below = cards.findIndex((card) => card.offsetTop > cards[0].offsetTop);
  return below < 0 ? cards.length || 1 : below;
}

export function turn(pages) {
  if (state.single) return;
  const wanted = pageStart() + pages * opening.pageSize;
  if (wanted >= 0 && (wanted < state.items.length || state.after !== null)) go(wanted);
  else say(pages > 0 ? "This is the last page." : "This is the first page.");
}

export function toggle(single = !state.single) {
  state.single = single;
  draw();
}

export async function reload() {
  if (!(await restart({ everything: byId("show").value === "everything", flagged: byId("flagged").value }))) return;
  draw();
  say(`${state.items.length}${state.after === null ? "" : " or more"} pictures.`);
}
