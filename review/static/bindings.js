// Which key does what: the desk's own table, and what each person changed of it in this browser.

import { drop, keep, read } from "./store.js";

// Keys that every page needs for itself.
const TAKEN = /^(Enter|Tab|Escape| |Arrow\w+|F\d+|Shift|Control|Alt|Meta|AltGraph|CapsLock|Dead|Process|Unidentified)$/;

export class Bindings {
  constructor(person, defaults) {
    this.place = `faceloop.keys/${encodeURIComponent(person)}`;
    this.defaults = defaults; // {verb: key}
    this.own = changed(read(this.place), defaults);
  }

  key(verb) {
    return this.own[verb] ?? this.defaults[verb];
  }

  verb(key) {
    return Object.keys(this.defaults).find((verb) => this.key(verb) === key) ?? null;
  }

  // Give a verb another key: "bound", "taken" (no key of ours), or the verb that has this key already.
  bind(verb, key) {
    if (TAKEN.test(key)) return "taken";
    const other = this.verb(key);
    if (other && other !== verb) return other;
    this.own[verb] = key;
    if (key === this.defaults[verb]) delete this.own[verb];
    keep(this.place, JSON.stringify(this.own));
    return "bound";
  }

  reset() {
    this.own = {};
    drop(this.place);
  }
}

// "a", "shift+a", "3", "?", "ArrowLeft". Letters by their place when the layout writes no Latin ones (Hangul, say).
export function named(event) {
  let { key } = event;
  if (key.length === 1 && key.charCodeAt(0) > 127 && event.code.startsWith("Key")) key = event.code.slice(3);
  if (!/^[a-z]$/i.test(key)) return key;
  return event.shiftKey ? `shift+${key.toLowerCase()}` : key.toLowerCase();
}

// As it is written on a key cap.
export function cap(key) {
  if (!/^(shift\+)?.$/.test(key)) return key;
  return key.replace("shift+", "Shift ").replace(/.$/, (last) => last.toUpperCase());
}

function changed(text, defaults) {
  try {
    const own = JSON.parse(text) ?? {};
    return Object.fromEntries(Object.entries(own).filter(([verb, key]) => verb in defaults && typeof key === "string"));
  } catch {
    return {};
  }
}
