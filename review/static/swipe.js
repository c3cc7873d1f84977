// A finger across the picture: to the right, to the left. Up and down still scrolls, a short way is no swipe, and the
// buttons below do the same.

const START = 12; // px before it is clear where a finger goes
const SLANT = 1.5; // so many times more across than up or down
const FAR = 72; // px, and a share of the room, before it counts
const SHARE = 0.22;

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Swipe {
  // picture(): what follows the finger; onSide("right" | "left")
  constructor(room, { picture, onSide }) {
    Object.assign(this, { room, picture, onSide });
    this.finger = null;
    room.addEventListener("pointerdown", (event) => this.down(event));
    room.addEventListener("pointermove", (event) => this.move(event));
    room.addEventListener("pointerup", (event) => this.up(event));
    room.addEventListener("pointercancel", () => this.drop());
  }

  down(event) {
    if (event.pointerType === "mouse" || event.target.closest("button, .lens")) return;
    if (this.finger) return this.drop(); // two fingers pinch
    this.finger = { id: event.pointerId, x: event.clientX, y: event.clientY, across: false, picture: this.picture() };
  }

  move(event) {
    const { finger } = this;
    if (!finger || event.pointerId !== finger.id) return;
    const [x, y] = [event.clientX - finger.x, event.clientY - finger.y];
    if (!finger.across) {
      if (Math.max(Math.abs(x), Math.abs(y)) < START) return;
      if (Math.abs(x) < SLANT * Math.abs(y)) return this.drop();
      finger.across = true;
      this.room.setPointerCapture(finger.id);
    }
    if (!still.matches) finger.picture.style.translate = `${x}px`;
    this.room.dataset.swipe = this.far(x) ? (x > 0 ? "right" : "left") : "";
  }

  up(event) {
    const { finger } = this;
    if (!finger || event.pointerId !== finger.id) return;
    const x = event.clientX - finger.x;
    const swiped = finger.across && this.far(x);
    this.drop();
    if (swiped) this.onSide(x > 0 ? "right" : "left");
  }

  drop() {
    if (this.finger) this.finger.picture.style.translate = "";
    this.finger = null;
    delete this.room.dataset.swipe;
  }

  far(x) {
    return Math.abs(x) >= Math.max(FAR, SHARE * this.room.clientWidth);
  }
}
