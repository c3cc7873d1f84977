// Where we are: from picture to picture, from page to page, between grid and single view.

import { draw } from "./draw.js";
import { offer } from "./filters.js";
import { here, listed, more, opening, pageItems, pageStart, remove, restart, spoken, state } from "./pile.js";
import { reel } from "./single.js";
import { alarm, say } from "./talk.js";
import { _, _n } from "./words.js";

const byId = (id) => document.getElementById(id);

// To the next one that waits.
export function advance() {
  const limit = state.single ? state.items.length : pageStart() + pageItems().length;
  for (let index = state.at + 1; index < limit; index += 1) if (!state.items[index].decision) return go(index);
  if (!state.single) {
    if (pageItems().every((item) => item.decision)) say([_("This page is decided."), spoken()].join(" "));
    return draw();
  }
  if (state.after !== null) {
    draw();
    reel.pend();
    return more().then((found) => (found ? advance() : draw()));
  }
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
  if (state.single) return undefined;
  const wanted = pageStart() + pages * opening.pageSize;
  if (wanted >= 0 && (wanted < state.items.length || state.after !== null)) return go(wanted);
  return say(pages > 0 ? _("This is the last page.") : _("This is the first page."));
}

export function toggle(single = !state.single) {
  state.single = single;
  draw();
}

export async function reload(filters) {
  if (!(await restart(filters))) return false;
  draw();
  offer(state.items);
  const items = state.items.length;
  say(state.after === null ? _n("1 picture.", "{number} pictures.", items) : _("{items} or more pictures.", { items }));
  return true;
}

// Nothing waits here, but something does elsewhere: whether others have left some of it.
export async function askAgain() {
  const left = here.subjects - here.decided + (here.seconds_wanted ?? 0);
  if (byId("finished").hidden || listed() || left <= 0) return;
  if (await restart(state.filters, { quiet: true })) draw();
}

// These went to somebody else while we were away.
export function lose(ids) {
  const gone = state.items.filter((item) => ids.has(item.id) && !item.decision && !item.sent);
  if (!gone.length) return;
  remove(new Set(gone.map((item) => item.id)));
  alarm(_n("One picture went to another reviewer.", "{number} pictures went to other reviewers.", gone.length));
  draw();
}
