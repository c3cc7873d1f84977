// The stage page begins here: keys, buttons, fingers and cards to what they do.
//
//     desk -> decide -> move -> draw -> single, cards -> reel, facts, lens, beside -> pile -> telling, talk -> words
//                                                        each knows those to its right alone

import { Bindings } from "./bindings.js";
import { approveRest, decide, outbox, rejectSuggested, resume, undo } from "./decide.js";
import { draw, openReasons, progress } from "./draw.js";
import { Filters, offer } from "./filters.js";
import { Keys } from "./keys.js";
import { Leases } from "./leases.js";
import { nextMarks } from "./marks.js";
import { askAgain, go, lose, move, reload, toggle, turn } from "./move.js";
import { current, held, here, lent, opening, root, state } from "./pile.js";
import { Rebinding } from "./rebinding.js";
import { lens, mat, reel, zoom } from "./single.js";
import { soon } from "./soon.js";
import { Swipe } from "./swipe.js";
import { calm } from "./talk.js";

const byId = (id) => document.getElementById(id);

const verbs = {
  approve: () => decide("approve"),
  rest: approveRest,
  reject: rejectSuggested,
  undo,
  view: () => toggle(),
  next: () => turn(1),
  before: () => turn(-1),
  note: () => state.single && byId("note")?.focus(),
  zoom: () => state.single && zoom(),
  overlay: nextMarks,
  help: () => rebinding.open(),
};
for (const button of document.querySelectorAll("[data-reason]")) {
  const { reason } = button.dataset;
  verbs[reason] = () => decide("reject", reason);
  button.addEventListener("click", verbs[reason]);
}
const fixed = { Escape: back };
for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
  fixed[key] = () => (lens.open ? lens.pan(key) : move(key));
}

function back() {
  if (byId("sieve").open) byId("sieve").open = false;
  else if (byId("reasons")?.classList.contains("open")) openReasons(false);
  else if (lens.open) lens.close();
  else if (state.single) toggle(false);
}

const listed = [...document.querySelectorAll("[data-rebind]")].map(({ dataset }) => [dataset.rebind, dataset.key]);
const bindings = new Bindings(opening.person.id, Object.fromEntries(listed));
const rebinding = new Rebinding(bindings);
new Keys({ bindings, verbs, fixed });

for (const [id, does] of Object.entries({
  approve: verbs.approve,
  reject: () => openReasons(!byId("reasons").classList.contains("open")),
  undo,
  rest: approveRest,
  zoom: verbs.zoom,
  overlay: nextMarks,
  "view-grid": () => toggle(false),
  "view-single": () => toggle(true),
  "page-before": () => turn(-1),
  "page-next": () => turn(1),
  "alert-close": calm,
  "alert-retry": () => outbox.now(),
})) {
  byId(id)?.addEventListener("click", () => does());
}
byId("cards").addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  go(state.items.findIndex((item) => item.id === Number(card.dataset.id)));
  if (event.detail !== 1) toggle(true); // a double click, or Enter on the card; one click only chooses it
});
mat.addEventListener("dblclick", (event) => event.target.closest("button") || zoom(event));
if (opening.person.mayDecide && opening.open) {
  new Swipe(mat, {
    picture: () => reel.on?.element,
    onSide: (side) => (side === "right" ? decide("approve") : rejectSuggested()),
  });
}

const leases = new Leases({
  address: new URL("api/leases", root).href,
  batch: opening.batch,
  stage: opening.stage,
  seconds: opening.person.mayDecide && opening.open ? opening.page.lease_seconds : 0,
  held,
  onLost: lose,
  until: () => state.until,
  lent,
});
new Filters({ chosen: opening.filters, onChange: change });

async function change(filters) {
  const before = held();
  if (!(await reload(filters))) return;
  const kept = new Set(held());
  leases.release(before.filter((id) => !kept.has(id)));
}

progress(here);
draw();
resume();
setInterval(() => document.hidden || askAgain(), 10_000);
soon(() => offer(state.items));
const ready = () => soon(() => (document.body.dataset.ready = "true"));
if (state.single && current()) document.addEventListener("shown", ready, { once: true });
else ready();
