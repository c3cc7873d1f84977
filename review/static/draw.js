// The page as the pile stands: grid or single view, the reasons, how far the stage is.

import { current, here, more, opening, pageItems, pageStart, root, state } from "./pile.js";
import { Show } from "./show.js";
import { say } from "./talk.js";

const AHEAD = 8; // pictures fetched and decoded before they are asked for
const byId = (id) => document.getElementById(id);
export const show = new Show({ root, opening });

let drawn = []; // the items whose cards are on the page

export function draw() {
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

export function openReasons(open) {
  const reasons = byId("reasons");
  if (!reasons) return;
  reasons.classList.toggle("open", open);
  byId("reject").setAttribute("aria-expanded", String(open));
  if (!open) return;
  (reasons.querySelector(".suggested:not([hidden])")?.closest("button") ?? reasons.firstElementChild).focus();
  byId("cards").querySelector(".selected")?.scrollIntoView({ block: "nearest" }); // the reasons take room on a phone
  say("Choose the reason.");
}

export function finish() {
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

export function progress(stage) {
  Object.assign(opening.progress.find((known) => known.stage === stage.stage), stage);
  const tab = document.querySelector(`[data-stage="${stage.stage}"]`);
  tab.querySelector("[data-decided]").textContent = stage.decided;
  tab.querySelector("[data-subjects]").textContent = stage.subjects;
  byId("progress").max = here.subjects || 1;
  byId("progress").value = here.decided;
}

export function count(items, by) {
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
