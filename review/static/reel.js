// The pictures of the single view: the one on the screen, and those around it as elements that are decoded already, so
// that the next one is swapped in and not loaded. One that is not there yet is shown as soon as it is; until it is
// painted nobody has seen it, and `painted` says so.

import { Clock } from "./clock.js";
import { fill } from "./picture.js";

export class Reel {
  // address(item), alt(item); onSwap(item) before the frame that shows it, onPainted(item) after it
  constructor({ place, address, alt, onSwap, onPainted }) {
    Object.assign(this, { place, address, alt, onSwap, onPainted });
    this.frames = new Map(); // by the item's number
    this.on = null; // the frame on the screen
    this.wanted = null; // the number of the item that should be there
    this.painted = null; // the number of the item that was seen there
    this.asked = null; // when the press came that asked for it
    this.clock = new Clock();
    this.after = new MessageChannel(); // a message posted in a frame's callback arrives once the frame is painted
    this.after.port2.onmessage = ({ data }) => this.seen(data);
    const press = (event) => (this.asked = event.timeStamp);
    for (const kind of ["keydown", "pointerup"]) addEventListener(kind, press, { capture: true, passive: true });
  }

  show(item) {
    this.wanted = item.id;
    const frame = this.frames.get(item.id) ?? this.load(item, "high");
    if (frame === this.on) {
      if (this.place.dataset.waits) this.wait(frame); // whoever goes back while the next picture comes is back at once
      delete this.place.dataset.waits;
      return this.onSwap(item);
    }
    if (frame.ready) return this.swap(frame);
    if (!frame.element.classList.contains("on")) this.pend();
    if (this.on) this.onSwap(this.on.item);
  }

  // Something else is to come, and it is not known yet what: what is on the screen is judged no more.
  pend() {
    this.painted = null;
    delete this.place.dataset.painted;
    this.place.dataset.waits = "true";
  }

  // Have these pictures at hand, in this order, and let go of all others.
  hold(items) {
    const wanted = new Set(items.map((item) => item.id));
    for (const [id, frame] of this.frames) {
      if (wanted.has(id) || frame === this.on || id === this.wanted) continue;
      frame.element.remove();
      this.frames.delete(id);
    }
    for (const item of items) if (!this.frames.has(item.id)) this.load(item, "auto");
  }

  // The room was hidden and is shown again: what is in it has to be painted anew.
  anew() {
    if (this.on) this.wait(this.on);
  }

  load(item, priority) {
    const element = this.first(item) ?? new Image();
    element.decoding = "sync"; // painted in the very frame that shows it, never a frame later
    element.fetchPriority = priority;
    element.draggable = false;
    element.alt = this.alt(item);
    const frame = { item, element, ready: false };
    this.frames.set(item.id, frame);
    if (!element.isConnected) this.place.prepend(element);
    const wanted = () => this.frames.get(item.id) === frame;
    fill(element, this.address(item), wanted).then((good) => {
      if (good === null) return;
      element.classList.toggle("broken", !good);
      frame.ready = true;
      if (item.id === this.wanted && frame !== this.on) this.swap(frame);
    });
    return frame;
  }

  // The picture that the page brought with it, painted before any script has run.
  first(item) {
    const element = this.frames.size ? null : this.place.querySelector("img.on");
    return element?.src === this.address(item) ? element : null;
  }

  swap(frame) {
    if (this.on) {
      this.on.element.classList.remove("on");
      this.on.element.removeAttribute("id");
    }
    frame.element.classList.add("on");
    frame.element.id = "picture";
    this.on = frame;
    delete this.place.dataset.waits;
    this.wait(frame);
    this.onSwap(frame.item);
  }

  wait(frame) {
    this.painted = null;
    delete this.place.dataset.painted;
    requestAnimationFrame(() => this.after.port1.postMessage(frame.item.id));
  }

  seen(id) {
    if (this.on?.item.id !== id || this.wanted !== id) return;
    this.painted = id;
    this.place.dataset.painted = id;
    this.clock.start();
    this.onPainted(this.on.item);
    document.dispatchEvent(new CustomEvent("shown", { detail: { id, key: this.asked } }));
    this.asked = null;
  }
}
