// What the desk says: a line that screen readers speak, and an alert that stays until it is dismissed.

const byId = (id) => document.getElementById(id);

export function say(text) {
  byId("live").textContent = text;
}

export function alarm(text, { retry = false } = {}) {
  byId("alert-text").textContent = text;
  byId("alert-retry").hidden = !retry;
  byId("alert").hidden = false;
}

export function calm() {
  byId("alert").hidden = true;
}
