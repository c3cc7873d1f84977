// The photo at true pixels: one of its pixels on one of the screen's, moved about by arrows, by dragging, by scrolling.

import { soon } from "./soon.js";

const STEP = 0.2; // of the room, per press of an arrow

export class Lens {
  constructor(room, { address, onToggle }) {
    Object.assign(this, { room, address, onToggle });
    this.picture = room.querySelector("img");
    this.of = null; // the item under it
    room.addEventListener("pointerdown", (event) => this.grasp(event));
  }

  get open() {
    return this.of !== null;
  }

  // `at`: where in the photo to look first, as shares of its sides.
  show(item, at = [0.5, 0.4]) {
    this.of = item;
    this.room.hidden = false;
    this.picture.src = this.address(item);
    this.picture.alt = document.getElementById("picture")?.alt ?? "";
    this.picture.decode().then(() => this.open && this.of === item && this.lay(at), () => this.of === item && this.close());
    this.onToggle(true);
  }

  lay([x, y]) {
    const { picture, room } = this;
    picture.style.width = `${picture.naturalWidth / devicePixelRatio}px`;
    picture.style.height = `${picture.naturalHeight / devicePixelRatio}px`;
    room.scrollTo(x * picture.offsetWidth - room.clientWidth / 2, y * picture.offsetHeight - room.clientHeight / 2);
    room.dataset.laid = String(this.of.id);
  }

  close() {
    if (!this.open) return;
    this.of = null;
    this.room.hidden = true;
    delete this.room.dataset.laid;
    this.onToggle(false);
    soon(() => this.open || this.picture.removeAttribute("src")); // some megabytes of it
  }

  pan(key) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    this.room.scrollBy(step[0] * STEP * this.room.clientWidth, step[1] * STEP * this.room.clientHeight);
  }

  // A mouse drags it; fingers scroll it by themselves.
  grasp(event) {
    if (event.pointerType !== "mouse" || event.button) return;
    const { room } = this;
    const from = { x: event.clientX + room.scrollLeft, y: event.clientY + room.scrollTop };
    const drag = (moved) => room.scrollTo(from.x - moved.clientX, from.y - moved.clientY);
    const drop = () => {
      room.removeEventListener("pointermove", drag);
      room.classList.remove("held");
    };
    event.preventDefault();
    room.setPointerCapture(event.pointerId);
    room.classList.add("held");
    room.addEventListener("pointermove", drag);
    for (const end of ["pointerup", "pointercancel"]) room.addEventListener(end, drop, { once: true });
  }
}
