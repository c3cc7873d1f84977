// The stage page begins here: keys, buttons and cards to what they do.
//
//     desk -> decide -> move -> draw -> pile, talk      each knows those to its right alone

import { approveRest, decide, outbox, rejectSuggested, undo } from "./decide.js";
import { draw, openReasons, progress } from "./draw.js";
import { Keys } from "./keys.js";
import { go, move, reload, toggle, turn } from "./move.js";
import { here, state } from "./pile.js";
import { calm } from "./talk.js";

const byId = (id) => document.getElementById(id);

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
  "alert-close": calm,
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
