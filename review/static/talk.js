// What the desk says: a line that screen readers speak, a notice on the picture, and an alert that stays until it is
// dismissed.

import { soon } from "./soon.js";

const byId = (id) => document.getElementById(id);
let line = "";
let fading = null;

export function say(text) {
  line = text;
  soon(speak);
}

function speak() {
  byId("live").textContent = line;
}

// Said, and shown for a while at the picture's foot.
export function notice(text) {
  say(text);
  const place = byId("notice");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (place.hidden = true), 4000);
}

export function alarm(text, { retry = false } = {}) {
  byId("alert-text").textContent = text;
  byId("alert-retry").hidden = !retry;
  byId("alert").hidden = false;
}

export function calm() {
  byId("alert").hidden = true;
}
