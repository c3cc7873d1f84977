// What a verdict does: shown at once, sent by the outbox, taken back on the page when the server refuses it.

import { complete } from "./cards.js";
import { count, draw, finish, openReasons, progress } from "./draw.js";
import { advance, turn } from "./move.js";
import { Outbox } from "./outbox.js";
import { current, find, insert, listed, opening, pageItems, root, spoken, state, underway } from "./pile.js";
import { reel } from "./single.js";
import { soon } from "./soon.js";
import { Tabs } from "./tabs.js";
import { alarm, calm, notice, say } from "./talk.js";
import { happened, name } from "./telling.js";
import { Undoing } from "./undoing.js";
import { _, _n } from "./words.js";

const byId = (id) => document.getElementById(id);
const capital = (text) => text[0].toUpperCase() + text.slice(1);

export const outbox = new Outbox({
  address: new URL("api/decisions", root).href,
  person: opening.person.id,
  here: { batch: opening.batch, stage: opening.stage },
  onSaved: saved,
  onRefused: refused,
  onState: (state) => {
    sending = state;
    byId("saving").dataset.state = state.failing ? "failing" : state.waiting ? "sending" : "saved";
    soon(tellSaving);
  },
});
const undoing = new Undoing();
const tabs = new Tabs(["faceloop", opening.person.id, opening.batch, opening.stage].join("/"), heard);
let sending = { waiting: 0, failing: "", kept: true };

function tellSaving() {
  const { waiting, failing, kept } = sending;
  const going = waiting ? _("Saving {waiting}…", sending) : _("✓ Saved");
  byId("saving").textContent = failing ? _("✕ Not saved yet: {waiting}", sending) : going;
  const promise = kept
    ? _("Your decisions are kept here and sent again.")
    : _("Your decisions are kept here and sent again as long as this page is open.");
  if (failing) alarm(`${failing} ${promise}`, { retry: true });
  else if (!byId("alert-retry").hidden) calm();
}

export function decide(verdict, reason = null) {
  const item = current();
  if (!item || !allowed(item) || !seen(item)) return;
  const note = state.single ? (byId("note")?.value.trim() ?? "") : "";
  act([item], { verdict, reason, note, seconds: state.single ? reel.clock.seconds : null });
  say([happened(item), spoken()].join(" "));
  advance();
}

// A key counts for the picture before somebody's eyes; one pressed while the next is still coming counts for none.
function seen(item) {
  if (!state.single || reel.painted === item.id) return true;
  document.dispatchEvent(new CustomEvent("early", { detail: { id: item.id } }));
  notice(_("The next picture was not there yet; that key did nothing."));
  return false;
}

// Rejecting by exception: what is left of the page is approved, and the page turned.
export function approveRest() {
  if (state.single) return say(_("Approving the rest of a page works in the grid: press G."));
  const rest = pageItems().filter((item) => !item.decision);
  if (!rest.length) return say(_("Every picture of this page is decided."));
  if (!allowed(rest[0])) return undefined;
  if (!complete()) return notice(_("Some pictures of this page are still coming; nothing was approved."));
  act(rest, { verdict: "approve", reason: null, note: "", seconds: null });
  say([_n("Approved the one left on this page.", "Approved the {number} left on this page.", rest.length), spoken()].join(" "));
  return state.after === null && pageItems().at(-1) === state.items.at(-1) ? draw() : turn(1);
}

export function rejectSuggested() {
  const item = current();
  const flag = item?.flags[0];
  if (flag && byId("actions")?.querySelector(`[data-reason="${flag.reason}"]`)) return decide("reject", flag.reason);
  return openReasons(true);
}

export async function undo() {
  if (!allowed()) return;
  const group = await undoing.last();
  if (!group) return say(_("There is nothing of yours to take back."));
  count(group, -1);
  send(group, { verdict: "undo", reason: null, note: "", seconds: null });
  for (const item of group) item.decision = null;
  tabs.tell(group);
  for (const item of group) if (!state.items.includes(item)) insert(item);
  state.at = state.items.indexOf(group[0]);
  say([_n("Took back {name}.", "Took back {number} decisions.", group.length, { name: name(group[0]) }), spoken()].join(" "));
  draw();
}

// The acts that an earlier tab left behind are on their way: show them as done.
export function resume() {
  for (const { subject, verdict, reason, note } of outbox.resume()) {
    const item = find(subject);
    const decision = verdict === "undo" ? null : mine(verdict, reason, note);
    if (!item) underway.set(subject, { decision, sent: (underway.get(subject)?.sent ?? 0) + 1 });
    if (!item) continue;
    item.sent += 1;
    put(item, decision);
  }
  if (state.items.length && current().decision && !listed() && !opening.single) advance();
}

function act(items, { verdict, reason, note, seconds }) {
  count(items.filter((item) => item.decision), -1);
  send(items, { verdict, reason, note, seconds });
  for (const item of items) item.decision = mine(verdict, reason, note);
  count(items, +1);
  state.done.push(items);
  tabs.tell(items);
}

function heard(told) {
  for (const { subject, decision } of told) {
    const item = find(subject);
    if (!item || item.sent) continue;
    put(item, decision);
    item.saved = decision;
  }
  draw();
}

function send(items, what) {
  outbox.add(items.map((item) => ({ subject: item.id, ...what })));
  for (const item of items) item.sent += 1;
}

const mine = (verdict, reason, note) => ({
  verdict, reason, note, by: opening.person.id, at: new Date().toISOString(), mine: true, machine: false,
});

function allowed(item) {
  if (!opening.person.mayDecide) alarm(_("You may look, but not decide."));
  else if (!opening.open) alarm(_("This batch is closed; its decisions can no longer change."));
  else if (theirs(item)) alarm(_("{by} has decided this already.", item.decision));
  else return true;
  return false;
}

const theirs = (item) => item?.decision && !item.decision.mine && !item.decision.machine;

function saved(answer, acts, ours) {
  const lost = answer.outcomes.filter((outcome) => !outcome.saved);
  if (ours) settle(answer.outcomes);
  if (lost.length) {
    const item = ours && find(lost[0].subject);
    const what = item ? `${capital(lost[0].message)} (${name(item)}).` : `${capital(lost[0].message)}.`;
    alarm(lost.length > 1 ? [what, _n("And one more.", "And {number} more.", lost.length - 1)].join(" ") : what);
    if (ours) draw();
  }
  if (!outbox.waiting && ours) for (const stage of answer.progress) progress(stage);
  soon(finish);
}

// What the server says of each act; what it refused is put back, unless a later act of ours is on its way.
function settle(outcomes) {
  for (const { subject, saved, decision } of outcomes) {
    const item = find(subject);
    underway.delete(subject);
    if (!item) continue;
    item.sent -= 1;
    item.saved = decision?.verdict === "undo" ? null : decision;
    if (!saved && !item.sent) put(item, item.saved);
  }
}

function refused(acts, message, ours) {
  for (const { subject } of acts) {
    const item = ours && find(subject);
    if (item) item.sent -= 1;
    if (item && !item.sent) put(item, item.saved);
  }
  alarm(_n("{message} Not saved: 1 decision.", "{message} Not saved: {number} decisions.", acts.length, { message }));
  draw();
}

function put(item, decision) {
  if (item.decision?.mine) count([item], -1);
  item.decision = decision;
  if (decision?.mine) count([item], +1);
}
