// Keys to verbs: off while somebody types, in the list of keys, or by their own choice.

import { named } from "./bindings.js";
import { keep, read } from "./store.js";

const STORED = "faceloop.single-keys";

export class Keys {
  // verbs: {verb: does}, found by their key in the bindings; fixed: {key: does}, the same for everybody
  constructor({ bindings, verbs, fixed }) {
    Object.assign(this, { bindings, verbs, fixed });
    this.dialog = document.getElementById("help");
    this.switch = document.getElementById("keys-on");
    this.switch.checked = read(STORED) !== "off";
    this.switch.addEventListener("change", () => keep(STORED, this.switch.checked ? "on" : "off"));
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const key = named(event);
    const fixed = this.fixed[key];
    const verb = fixed ? null : this.bindings.verb(key);
    if (!fixed && !verb) return;
    if (event.repeat && !key.startsWith("Arrow")) return; // a key held down decides once
    if (verb && verb !== "help" && !this.switch.checked) return;
    if (fixed?.(event) === "not ours") return;
    event.preventDefault();
    if (verb) this.verbs[verb]?.();
  }
}
