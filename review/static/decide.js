// What a verdict does: shown at once, sent by the outbox, taken back on the page when the server refuses it.

import { count, draw, finish, openReasons, progress, show } from "./draw.js";
import { advance } from "./move.js";
import { Outbox } from "./outbox.js";
import { current, find, insert, opening, pageItems, root, spoken, state } from "./pile.js";
import { alarm, calm, say } from "./talk.js";

const byId = (id) => document.getElementById(id);
const capital = (text) => text[0].toUpperCase() + text.slice(1);

export const outbox = new Outbox({
  address: new URL("api/decisions", root).href,
  batch: opening.batch,
  stage: opening.stage,
  onSaved: saved,
  onRefused: (acts, message) => {
    for (const { subject } of acts) put(subject, find(subject).saved);
    alarm(`${message} Not saved: ${acts.length === 1 ? "1 decision" : `${acts.length} decisions`}.`);
    draw();
  },
  onState: ({ waiting, failing }) => {
    const place = byId("saving");
    place.dataset.state = failing ? "failing" : waiting ? "sending" : "saved";
    place.textContent = failing ? `✕ Not saved yet: ${waiting}` : waiting ? `Saving ${waiting}…` : "✓ Saved";
    if (failing) alarm("The server cannot be reached. Your decisions are kept here and sent again.", { retry: true });
    else if (!byId("alert-retry").hidden) calm();
  },
});

export function decide(verdict, reason = null) {
  const item = current();
  if (!item || !allowed(item)) return;
  const note = state.single ? (byId("note")?.value.trim() ?? "") : "";
  act([item], verdict, reason, note);
  say(`${show.name(item)} ${show.said(item.decision)}. ${spoken()}`);
  advance();
}

export function approveRest() {
  if (state.single) return say("Approving the rest of a page works in the grid: press G.");
  const rest = pageItems().filter((item) => !item.decision);
  if (!rest.length) return say("Every picture of this page is decided.");
  if (!allowed(rest[0])) return;
  act(rest, "approve");
  say(`Approved the ${rest.length} left on this page. ${spoken()}`);
  draw();
}

export function rejectSuggested() {
  const item = current();
  const flag = item?.flags[0];
  if (flag && byId("actions")?.querySelector(`[data-reason="${flag.reason}"]`)) return decide("reject", flag.reason);
  openReasons(true);
}

export function undo() {
  if (!allowed()) return;
  let group;
  do group = state.done.pop()?.filter((item) => item.decision?.mine);
  while (group && !group.length);
  if (!group) return say("There is nothing of yours to take back.");
  count(group, -1);
  outbox.add(group.map((item) => ({ subject: item.id, verdict: "undo", reason: null, note: "" })));
  for (const item of group) item.decision = null;
  for (const item of group) if (!state.items.includes(item)) insert(item);
  state.at = state.items.indexOf(group[0]);
  say(`Took back ${group.length === 1 ? show.name(group[0]) : `${group.length} decisions`}. ${spoken()}`);
  draw();
}

function act(items, verdict, reason = null, note = "") {
  count(items.filter((item) => item.decision), -1);
  outbox.add(items.map((item) => ({ subject: item.id, verdict, reason, note })));
  const at = new Date().toISOString();
  for (const item of items) item.decision = { verdict, reason, note, by: opening.person.id, at, mine: true, machine: false };
  count(items, +1);
  state.done.push(items);
}

function allowed(item) {
  if (!opening.person.mayDecide) alarm("You may look, but not decide.");
  else if (!opening.open) alarm("This batch is closed; its decisions can no longer change.");
  else if (item?.decision && !item.decision.mine && !item.decision.machine) alarm(`${item.decision.by} has decided this already.`);
  else return true;
  return false;
}

function saved(answer) {
  for (const { subject, decision } of answer.outcomes) {
    find(subject).saved = decision?.verdict === "undo" ? null : decision;
  }
  const refused = answer.outcomes.filter((outcome) => !outcome.saved);
  for (const { subject } of refused) put(subject, find(subject).saved);
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
  if (item.decision?.mine) count([item], -1);
  item.decision = decision;
  if (decision?.mine) count([item], +1);
}
