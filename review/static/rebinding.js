// The list of keys, where each may be changed: choose one, press another.

import { cap, named } from "./bindings.js";
import { _ } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Rebinding {
  constructor(bindings) {
    this.bindings = bindings;
    this.dialog = byId("help");
    this.asks = null; // the button whose new key is asked for
    byId("help-button").addEventListener("click", () => this.open());
    byId("keys-reset").addEventListener("click", () => this.reset());
    for (const button of this.dialog.querySelectorAll("[data-rebind]")) button.addEventListener("click", () => this.ask(button));
    this.dialog.addEventListener("keydown", (event) => this.press(event), { capture: true });
    this.dialog.addEventListener("close", () => this.ask(null));
    this.show();
  }

  open() {
    this.tell("");
    this.dialog.showModal();
  }

  // Every place that shows a key shows the one that works.
  show() {
    for (const place of document.querySelectorAll("[data-shows]")) {
      place.textContent = cap(this.bindings.key(place.dataset.shows));
    }
  }

  ask(button) {
    this.asks?.setAttribute("aria-pressed", "false");
    this.asks = this.asks === button ? null : button;
    this.asks?.setAttribute("aria-pressed", "true");
    if (!this.asks) return;
    const words = { what: this.named(button.dataset.rebind) };
    this.tell(_("Press the new key for “{what}”, or Esc to leave it.", words));
  }

  press(event) {
    if (!this.asks || ["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const { rebind } = this.asks.dataset;
    if (event.key === "Escape") this.tell("");
    else if (event.ctrlKey || event.metaKey || event.altKey) this.tell(_("A key by itself, please, or one with Shift."));
    else this.bind(rebind, named(event));
    this.ask(null);
  }

  bind(verb, key) {
    const outcome = this.bindings.bind(verb, key);
    const other = outcome === "bound" || outcome === "taken" ? "" : this.named(outcome);
    const words = { key: cap(key), what: this.named(verb), other };
    if (outcome === "bound") this.tell(_("{key} now means “{what}”.", words));
    else if (outcome === "taken") this.tell(_("{key} is needed by the page itself; choose another.", words));
    else this.tell(_("{key} already means “{other}”; choose another.", words));
    this.show();
  }

  reset() {
    this.bindings.reset();
    this.show();
    this.tell(_("All keys are as they were."));
  }

  named(verb) {
    return this.dialog.querySelector(`[data-rebind="${verb}"]`).closest("div").querySelector("dd").textContent.trim();
  }

  tell(text) {
    byId("keys-told").textContent = text;
  }
}
