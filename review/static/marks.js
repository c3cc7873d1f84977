// Marks on the picture: what low scores are about. A viewBox as large as the picture lies on it however it is fitted in.

import { keep, read } from "./store.js";

const STORED = "faceloop.marks";
const place = document.getElementById("marks");
const button = document.getElementById("overlay");

let shown = read(STORED) !== "off";
let last = null; // what was marked last

export function mark(item, picture) {
  last = { item, picture };
  const boxes = item.scores.filter((measured) => measured.good === false).flatMap((measured) => measured.boxes);
  if (!shown || !boxes.length) return clear();
  const [width, height] = [picture.naturalWidth, picture.naturalHeight];
  place.setAttribute("viewBox", `0 0 ${width} ${height}`);
  place.replaceChildren(...boxes.map(([left, top, right, bottom]) => box(left * width, top * height, right * width, bottom * height)));
  return undefined;
}

export function clear() {
  if (place.firstChild) place.replaceChildren();
}

export function toggleMarks() {
  shown = !shown;
  keep(STORED, shown ? "on" : "off");
  tell();
  if (last) mark(last.item, last.picture);
}

function tell() {
  button.setAttribute("aria-pressed", String(shown));
}

function box(left, top, right, bottom) {
  const rectangle = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const sides = { x: left, y: top, width: right - left, height: bottom - top };
  for (const [name, value] of Object.entries(sides)) rectangle.setAttribute(name, value);
  return rectangle;
}

tell();
