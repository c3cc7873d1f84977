// What the page holds: the items loaded so far, where we are among them, how far the stage is. Nothing is drawn here.

import { opening, root } from "./opening.js";
import { alarm } from "./talk.js";
import { _ } from "./words.js";

export { opening, root };
export const here = opening.progress.find((stage) => stage.stage === opening.stage);

const STOCK = 40; // items that wait ahead of us before more are asked for
const PAGE = 48; // items in one answer
const PAUSE = 5000; // ms before a server that did not answer is asked again

const known = new Map(); // one object per subject, however often the server sends it
export const underway = new Map(); // what an earlier tab did to subjects that are not here yet: {decision, sent}
export const find = (id) => known.get(id);

// `saved` is the decision that the server has; `decision`, the one that is shown, may be ahead of it.
export function adopt(items) {
  for (const item of items) {
    const old = known.get(item.id);
    if (!old) known.set(item.id, Object.assign(item, { saved: item.decision, sent: 0 }, underway.get(item.id)));
    else if (!old.sent) Object.assign(old, item, { saved: item.decision }); // nothing of ours is on its way
  }
  return items.map((item) => find(item.id));
}

export const state = {
  items: adopt(opening.page.items),
  after: opening.page.after, // where the next page starts on the server; null at the end
  at: 0,
  single: opening.single,
  filters: opening.filters,
  loading: null,
  until: opening.page.until, // so long the server has lent us what is here, by its own clock
  rests: 0, // until when the server is left alone
  done: [], // what undo takes back, the last act last
};

// Whether what is decided is here as well: then none of it was lent to us.
export const listed = () => Boolean(state.filters.everything || state.filters.disputed);
export const current = () => state.items[state.at];
export const pageStart = () => state.at - (state.at % opening.pageSize);
export const pageItems = () => state.items.slice(pageStart(), pageStart() + opening.pageSize);
export const spoken = () => _("{decided} of {subjects} decided.", here);

// Where an item belongs that is not in the list: by number in a list by number, else here.
export function insert(item) {
  const sorted = !state.filters.order || state.filters.order === "oldest";
  const place = sorted ? state.items.findIndex((other) => other.id > item.id) : state.at;
  state.items.splice(place < 0 ? state.items.length : place, 0, item);
}

// The numbers of what waits here, nearest first: what was lent to us to look at.
export function held() {
  if (listed()) return [];
  const waiting = (items) => items.filter((item) => !item.decision).map((item) => item.id);
  return [...waiting(state.items.slice(state.at)), ...waiting(state.items.slice(0, state.at))];
}

// Take items out of the list, and stay at the one we are at: whether that one went.
export function remove(ids) {
  const at = current();
  const before = state.items.slice(0, state.at).filter((item) => ids.has(item.id)).length;
  state.items = state.items.filter((item) => !ids.has(item.id));
  state.at = Math.max(0, Math.min(state.at - before, state.items.length - 1));
  return Boolean(at && ids.has(at.id));
}

// The items around ours that are worth having at hand: those a key leads to first.
export function around(ahead, behind) {
  const next = [];
  for (let index = state.at + 1; index < state.items.length && next.length < ahead; index += 1) {
    if (!state.items[index].decision || listed()) next.push(state.items[index]);
  }
  return [...state.items.slice(state.at, state.at + 1), ...next, ...state.items.slice(Math.max(0, state.at - behind), state.at)];
}

// Ask for more well before it is needed.
export async function stock() {
  while (state.after !== null && state.items.length - state.at <= STOCK && performance.now() >= state.rests) {
    if (!(await more())) return;
  }
}

// The next page from the server, after those that are here: whether it brought any.
export async function more() {
  const { items } = state;
  state.loading ??= fetchPage(state.filters, state.after).finally(() => (state.loading = null));
  const page = await state.loading;
  if (!page || items !== state.items) return false; // the filters changed meanwhile: this page is of another list
  if (page.taken) return true; // by who asked before us
  page.taken = true;
  const there = new Set(items);
  items.push(...adopt(page.items).filter((item) => !there.has(item)));
  state.after = page.after;
  return page.items.length > 0;
}

// The first page anew, as the filters say: whether it came. Asked quietly, whether something waits there again.
export async function restart(filters, { quiet = false } = {}) {
  const page = await fetchPage(filters, null, quiet);
  if (!page || (quiet && !page.items.length)) return false;
  Object.assign(state, { filters, items: adopt(page.items), after: page.after, at: 0, loading: null });
  return true;
}

// Note until when we were lent something: the latest time counts. Of one length and zone, they sort as they read.
export function lent(answer) {
  if (answer?.until > (state.until ?? "")) state.until = answer.until;
  return answer;
}

async function fetchPage(filters, after = null, quiet = false) {
  const query = new URLSearchParams({ batch: opening.batch, stage: opening.stage, limit: PAGE });
  for (const [name, value] of Object.entries(filters)) query.set(name, value);
  if (after !== null) query.set("after", after);
  try {
    const response = await fetch(new URL(`api/queue?${query}`, root), { credentials: "same-origin" });
    if (response.ok) return lent(await response.json());
    if (quiet) return null;
    const signedOut = _("You are signed out. Sign in to Airflow, then load this page again.");
    alarm(response.status === 401 ? signedOut : _("The next pictures could not be loaded."));
  } catch {
    if (!quiet) alarm(_("The server cannot be reached, so the next pictures could not be loaded."));
  }
  state.rests = performance.now() + PAUSE;
  return null;
}
