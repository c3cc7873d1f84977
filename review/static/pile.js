// What the page holds: the items loaded so far, where we are among them, how far the stage is. Nothing is drawn here.

import { alarm } from "./talk.js";

export const opening = JSON.parse(document.getElementById("opening").textContent);
export const root = new URL(document.documentElement.dataset.root, location.href).href; // before any replaceState
export const here = opening.progress.find((stage) => stage.stage === opening.stage);

const known = new Map(); // one object per subject, however often the server sends it
export const find = (id) => known.get(id);

// `saved` is the decision that the server has; `decision`, the one that is shown, may be ahead of it.
function adopt(items) {
  for (const item of items) if (!known.has(item.id)) known.set(item.id, Object.assign(item, { saved: item.decision }));
  return items.map((item) => find(item.id));
}

export const state = {
  items: adopt(opening.page.items),
  after: opening.page.after, // where the next page starts on the server; null at the end
  at: 0,
  single: opening.single,
  everything: opening.everything,
  flagged: "",
  loading: null,
  done: adopt(opening.mine).reverse().map((item) => [item]), // what undo takes back, the last act last
};

export const current = () => state.items[state.at];
export const pageStart = () => state.at - (state.at % opening.pageSize);
export const pageItems = () => state.items.slice(pageStart(), pageStart() + opening.pageSize);
export const spoken = () => `${here.decided} of ${here.subjects} decided.`;

export function insert(item) {
  const place = state.items.findIndex((other) => other.id > item.id);
  state.items.splice(place < 0 ? state.items.length : place, 0, item);
}

// The next page from the server, after those that are here: whether it brought any.
export async function more() {
  const { items } = state;
  state.loading ??= fetchPage(state.after).finally(() => (state.loading = null));
  const page = await state.loading;
  if (!page || items !== state.items) return false; // the filters changed meanwhile: this page is of another list
  const there = new Set(items);
  items.push(...adopt(page.items).filter((item) => !there.has(item)));
  state.after = page.after;
  return page.items.length > 0;
}

// The first page anew, as the filters say: whether it came.
export async function restart({ everything, flagged }) {
  Object.assign(state, { everything, flagged });
  const page = await fetchPage(0);
  if (page) Object.assign(state, { items: adopt(page.items), after: page.after, at: 0 });
  return Boolean(page);
}

async function fetchPage(after) {
  const query = new URLSearchParams({ batch: opening.batch, stage: opening.stage, after, everything: state.everything });
  if (state.flagged) query.set("reason", state.flagged);
  try {
    const response = await fetch(new URL(`api/queue?${query}`, root), { credentials: "same-origin" });
    if (response.ok) return await response.json();
    const signedOut = "You are signed out. Sign in to Airflow, then load this page again.";
    alarm(response.status === 401 ? signedOut : "The next pictures could not be loaded.");
  } catch {
    alarm("The server cannot be reached, so the next pictures could not be loaded.");
  }
  return null;
}
