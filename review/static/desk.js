// The stage page: what is loaded, where we are, what a key does. Drawing is show.js, sending is outbox.js.

import { Keys } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Show } from "./show.js";

const AHEAD = 8; // pictures fetched and decoded before they are asked for
const byId = (id) => document.getElementById(id);
const opening = JSON.parse(byId("opening").textContent);
const root = new URL(document.documentElement.dataset.root, location.href).href; // before any replaceState
const show = new Show({ root, opening });
const here = opening.progress.find((stage) => stage.stage === opening.stage);
const mayAct = opening.person.mayDecide && opening.open;

const known = new Map(); // one object per subject, however often the server sends it
const adopt = (items) => items.map((item) => known.get(item.id) ?? (known.set(item.id, item), item));
const find = (id) => known.get(id);

const state = {
  items: adopt(opening.page.items),
  after: opening.page.after, // where the next page starts on the server; null at the end
  at: 0,
  single: opening.single,
  everything: opening.everything,
  flagged: "",
  loading: null,
  done: adopt(opening.mine).reverse().map((item) => [item]), // what undo takes back, the last act last
};

const outbox = new Outbox({
  address: new URL("api/decisions", root).href,
  batch: opening.batch,
  stage: opening.stage,
  onSaved: saved,
  onRefused: (acts, message) => {
    for (const act of acts) put(act.subject, act.before);
    alarm(`${message} Not saved: ${acts.length === 1 ? "1 decision" : `${acts.length} decisions`}.`);
    draw();
  },
  onState: ({ waiting, failing }) => {
    const place = byId("saving");
    place.dataset.state = failing ? "failing" : waiting ? "sending" : "saved";
    place.textContent = failing ? `✕ Not saved yet: ${waiting}` : waiting ? `Saving ${waiting}…` : "✓ Saved";
    if (failing) alarm("The server cannot be reached. Your decisions are kept here and sent again.", { retry: true });
    else if (!byId("alert-retry").hidden) byId("alert").hidden = true;
  },
});

const current = () => state.items[state.at];
const pageStart = () => state.at - (state.at % opening.pageSize);
const pageItems = () => state.items.slice(pageStart(), pageStart() + opening.pageSize);

// ---------------------------------------------------------------------------------------------- deciding

function decide(verdict, reason = null) {
  const item = current();
  if (!item || !allowed(item)) return;
  const note = state.single ? (byId("note")?.value.trim() ?? "") : "";
  act([item], verdict, reason, note);
  say(`${show.name(item)} ${show.said(item.decision)}. ${spoken()}`);
  advance();
}

function approveRest() {
  if (state.single) return say("Approving the rest of a page works in the grid: press G.");
  const rest = pageItems().filter((item) => !item.decision);
  if (!rest.length) return say("Every picture of this page is decided.");
  if (!allowed(rest[0])) return;
  act(rest, "approve");
  say(`Approved the ${rest.length} left on this page. ${spoken()}`);
  draw();
}

function rejectSuggested() {
  const item = current();
  const flag = item?.flags[0];
  if (flag && byId("actions")?.querySelector(`[data-reason="${flag.reason}"]`)) return decide("reject", flag.reason);
  openReasons(true);
}

function undo() {
  if (!mayAct) return allowed();
  let group;
  do group = state.done.pop()?.filter((item) => item.decision?.mine);
  while (group && !group.length);
  if (!group) return say("There is nothing of yours to take back.");
  count(group, -1);
  send(group, "undo", null, "");
  for (const item of group) item.decision = null;
  for (const item of group) if (!state.items.includes(item)) insert(item);
  state.at = state.items.indexOf(group[0]);
  say(`Took back ${group.length === 1 ? show.name(group[0]) : `${group.length} decisions`}. ${spoken()}`);
  draw();
}

function act(items, verdict, reason = null, note = "") {
  count(items.filter((item) => item.decision), -1);
  send(items, verdict, reason, note);
  const at = new Date().toISOString();
  for (const item of items) item.decision = { verdict, reason, note, by: opening.person.id, at, mine: true };
  count(items, +1);
  state.done.push(items);
}

function send(items, verdict, reason, note) {
  // `before` is ours alone: what to show again when the server refuses.
  outbox.add(items.map((item) => hidden({ subject: item.id, verdict, reason, note }, item.decision)));
}

function hidden(act, before) {
  return Object.defineProperty({ ...act }, "before", { value: before });
}

function allowed(item) {
  if (!opening.person.mayDecide) alarm("You may look, but not decide.");
  else if (!opening.open) alarm("This batch is closed; its decisions can no longer change.");
  else if (item?.decision && !item.decision.mine) alarm(`${item.decision.by} has decided this already.`);
  else return true;
  return false;
}

function saved(answer) {
  const refused = answer.outcomes.filter((outcome) => !outcome.saved);
  for (const outcome of refused) put(outcome.subject, outcome.decision);
  if (refused.length) {
    const more = refused.length > 1 ? ` And ${refused.length - 1} more.` : "";
    alarm(`${capital(refused[0].message)} (${show.name(find(refused[0].subject))}).${more}`);
  }
  if (!outbox.waiting) for (const stage of answer.progress) progress(stage);
  if (refused.length) draw();
  else finish();
}

function put(id, decision) {
  const item = find(id);
  if (!item) return;
  if (item.decision?.mine) count([item], -1);
  item.decision = decision;
  if (decision?.mine) count([item], +1);
}

function insert(item) {
  const place = state.items.findIndex((other) => other.id > item.id);
  state.items.splice(place < 0 ? state.items.length : place, 0, item);
}

// ------------------------------------------------------------------------------------------------ moving

function advance() {
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

function go(index) {
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

function move(key) {
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

function turn(pages) {
  if (state.single) return;
  const wanted = pageStart() + pages * opening.pageSize;
  if (wanted >= 0 && (wanted < state.items.length || state.after !== null)) go(wanted);
  else say(pages > 0 ? "This is the last page." : "This is the first page.");
}

function toggle(single = !state.single) {
  state.single = single;
  draw();
}

async function more() {
  state.loading ??= fetchPage(state.after).finally(() => (state.loading = null));
  const page = await state.loading;
  if (!page) return false;
  const there = new Set(state.items);
  state.items.push(...adopt(page.items).filter((item) => !there.has(item)));
  state.after = page.after;
  return page.items.length > 0;
}

async function fetchPage(after) {
  const query = new URLSearchParams({ batch: opening.batch, stage: opening.stage, after, everything: state.everything });
  if (state.flagged) query.set("reason", state.flagged);
  try {
    const response = await fetch(new URL(`api/queue?${query}`, root), { credentials: "same-origin" });
    if (response.ok) return await response.json();
    alarm(response.status === 401 ? "You are signed out. Sign in to Airflow, then load this page again." : "The next pictures could not be loaded.");
  } catch {
    alarm("The server cannot be reached, so the next pictures could not be loaded.");
  }
  return null;
}

async function reload() {
  state.everything = byId("show").value === "everything";
  state.flagged = byId("flagged").value;
  const page = await fetchPage(0);
  if (!page) return;
  Object.assign(state, { items: adopt(page.items), after: page.after, at: 0 });
  draw();
  say(`${state.items.length}${state.after === null ? "" : " or more"} pictures.`);
}

// ----------------------------------------------------------------------------------------------- drawing

let drawn = []; // the items whose cards are on the page

function draw() {
  const item = current();
  const nothing = !state.items.length;
  byId("grid").hidden = nothing || state.single;
  byId("single").hidden = nothing || !state.single;
  byId("main").classList.toggle("one", !nothing && state.single);
  byId("view-grid").setAttribute("aria-pressed", String(!state.single));
  byId("view-single").setAttribute("aria-pressed", String(state.single));
  if (item && state.single) drawSingle(item);
  else if (item) drawGrid(item);
  suggest(item);
  if (byId("actions")) {
    byId("actions").hidden = nothing && !state.done.length;
    byId("rest").hidden = state.single;
    openReasons(false);
  }
  finish();
  address();
  ahead();
}

function drawSingle(item) {
  const more = state.after === null ? "" : "+";
  show.single(item, `${state.at + 1} of ${state.items.length}${more}`);
  const note = byId("note");
  if (note && note.dataset.id !== String(item.id)) {
    note.value = "";
    note.dataset.id = item.id;
  }
}

function drawGrid(item) {
  const items = pageItems();
  const cards = byId("cards");
  if (items.length !== drawn.length || items.some((each, index) => each !== drawn[index])) {
    const focused = cards.contains(document.activeElement);
    cards.replaceChildren(...items.map((each) => show.card(each)));
    drawn = items;
    if (focused) cards.children[0]?.firstElementChild.focus();
    byId("main").scrollTo({ top: 0 });
  }
  items.forEach((each, index) => {
    const card = cards.children[index];
    show.mark(card, each);
    const selected = each === item;
    card.classList.toggle("selected", selected);
    card.firstElementChild.tabIndex = selected ? 0 : -1;
    if (selected) card.firstElementChild.setAttribute("aria-current", "true");
    else card.firstElementChild.removeAttribute("aria-current");
    if (selected && (cards.contains(document.activeElement) || document.activeElement === document.body)) {
      card.firstElementChild.focus({ preventScroll: true });
    }
    if (selected) card.scrollIntoView({ block: "nearest" });
  });
  const page = pageStart() / opening.pageSize + 1;
  const pages = Math.ceil(state.items.length / opening.pageSize);
  byId("page-number").textContent = `Page ${page} of ${pages}${state.after === null ? "" : "+"}`;
  byId("page-before").disabled = page === 1;
  byId("page-next").disabled = page === pages && state.after === null;
  const rest = byId("rest");
  if (rest) rest.disabled = !items.some((each) => !each.decision);
}

function suggest(item) {
  const suggested = new Set(item && !item.decision ? item.flags.map((flag) => flag.reason) : []);
  for (const button of document.querySelectorAll("[data-reason]")) {
    button.querySelector(".suggested").hidden = !suggested.has(button.dataset.reason);
    button.setAttribute("aria-pressed", String(item?.decision?.reason === button.dataset.reason));
  }
  byId("approve")?.setAttribute("aria-pressed", String(item?.decision?.verdict === "approve"));
}

function openReasons(open) {
  const reasons = byId("reasons");
  if (!reasons) return;
  reasons.classList.toggle("open", open);
  byId("reject").setAttribute("aria-expanded", String(open));
  if (!open) return;
  (reasons.querySelector(".suggested:not([hidden])")?.closest("button") ?? reasons.firstElementChild).focus();
  byId("cards").querySelector(".selected")?.scrollIntoView({ block: "nearest" }); // the reasons take room on a phone
  say("Choose the reason.");
}

function finish() {
  const left = here.subjects - here.decided;
  const all = state.after === null && !state.items.some((item) => !item.decision);
  const place = byId("finished");
  place.hidden = !(all && (left <= 0 || !state.items.length));
  if (place.hidden) return;
  const filtered = left > 0;
  byId("finished-title").textContent = filtered ? "None here" : here.subjects ? "All decided" : "Nothing here yet";
  byId("finished-text").textContent = filtered
    ? "No waiting picture fits these filters."
    : here.subjects
      ? `${here.approved} approved, ${here.rejected} rejected. Airflow goes on by itself; undo works until it does.`
      : "Pictures arrive when the stage before is decided.";
}

function progress(stage) {
  Object.assign(opening.progress.find((known) => known.stage === stage.stage), stage);
  const tab = document.querySelector(`[data-stage="${stage.stage}"]`);
  tab.querySelector("[data-decided]").textContent = stage.decided;
  tab.querySelector("[data-subjects]").textContent = stage.subjects;
  byId("progress").max = here.subjects || 1;
  byId("progress").value = here.decided;
}

function count(items, by) {
  for (const item of items) here[item.decision.verdict === "approve" ? "approved" : "rejected"] += by;
  progress({ ...here, decided: here.decided + by * items.length });
}

function ahead() {
  if (!state.single) return;
  for (const item of state.items.slice(state.at + 1, state.at + 1 + AHEAD)) {
    if (item.ready) continue;
    item.ready = new Image();
    item.ready.src = show.address(item.picture);
    item.ready.decode().catch(() => {});
  }
  for (const item of state.items.slice(0, Math.max(0, state.at - AHEAD))) delete item.ready;
  if (state.items.length - state.at <= AHEAD && state.after !== null) more().then((found) => found && ahead());
}

let addressing = null;

function address() {
  clearTimeout(addressing); // browsers refuse to be renamed too often
  addressing = setTimeout(() => {
    const place = new URL(`batch/${opening.batch}/${opening.stage}`, root);
    if (state.single && current()) place.pathname += `/${current().id}`;
    if (state.everything) place.searchParams.set("everything", "true");
    history.replaceState(null, "", place);
  }, 300);
}

// ----------------------------------------------------------------------------------------------- talking

const spoken = () => `${here.decided} of ${here.subjects} decided.`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);

function say(text) {
  byId("live").textContent = text;
}

function alarm(text, { retry = false } = {}) {
  byId("alert-text").textContent = text;
  byId("alert-retry").hidden = !retry;
  byId("alert").hidden = false;
}

// ------------------------------------------------------------------------------------------------ wiring

const keys = new Keys({
  a: () => decide("approve"),
  "shift+a": approveRest,
  r: rejectSuggested,
  u: undo,
  g: () => toggle(),
  n: () => turn(1),
  p: () => turn(-1),
  t: () => state.single && byId("note")?.focus(),
  "?": () => keys.help(),
  Escape: () => (byId("reasons")?.classList.contains("open") ? openReasons(false) : state.single && toggle(false)),
  ArrowLeft: () => move("ArrowLeft"),
  ArrowRight: () => move("ArrowRight"),
  ArrowUp: () => move("ArrowUp"),
  ArrowDown: () => move("ArrowDown"),
});
for (const button of document.querySelectorAll("[data-reason]")) {
  const choose = () => decide("reject", button.dataset.reason);
  keys.on(button.dataset.key, choose);
  button.addEventListener("click", choose);
}
for (const [id, does] of Object.entries({
  approve: () => decide("approve"),
  reject: () => openReasons(!byId("reasons").classList.contains("open")),
  undo,
  rest: approveRest,
  "view-grid": () => toggle(false),
  "view-single": () => toggle(true),
  "page-before": () => turn(-1),
  "page-next": () => turn(1),
  "alert-close": () => (byId("alert").hidden = true),
  "alert-retry": () => outbox.now(),
})) {
  byId(id)?.addEventListener("click", does);
}
byId("show").addEventListener("change", reload);
byId("flagged").addEventListener("change", reload);
byId("cards").addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  go(state.items.findIndex((item) => item.id === Number(card.dataset.id)));
  if (event.detail !== 1) toggle(true); // a double click, or Enter on the card; one click only chooses it
});

progress(here);
draw();
document.body.dataset.ready = "true";
