// Marks on the picture: what low scores are about; on demand where eyes are, how high a whole head reaches, what lies
// outside the photo, other faces. A viewBox as large as the picture lies on it however it is fitted in.

import { opening, root } from "./opening.js";
import { keep, read } from "./store.js";
import { _ } from "./words.js";

const STORED = "faceloop.marks";
const STAY = 150; // ms at one picture before more is asked about it
const LEVELS = ["flagged", "all", "none"];

const place = document.getElementById("marks");
const button = document.getElementById("overlay");
const told = new Map(); // by the item's number: the marks that the server told

let level = LEVELS.includes(read(STORED)) ? read(STORED) : "flagged";
let last = null; // {item, picture} that was marked last
let timer = null;

export function mark(item, picture) {
  last = { item, picture };
  draw();
  clearTimeout(timer);
  if (level === "all" && !told.has(item.id)) timer = setTimeout(() => ask(item), STAY);
}

export function clear() {
  last = null;
  clearTimeout(timer);
  if (place.firstChild) place.replaceChildren();
}

export function nextMarks() {
  level = LEVELS[(LEVELS.indexOf(level) + 1) % LEVELS.length];
  keep(STORED, level);
  label();
  if (last) mark(last.item, last.picture);
}

function label() {
  const said = { flagged: _("Marks: flagged"), all: _("Marks: all"), none: _("Marks: none") };
  button.querySelector("span").textContent = said[level];
}

async function ask(item) {
  const query = new URLSearchParams({ stage: opening.stage, subject: item.id });
  const response = await fetch(new URL(`api/overlay?${query}`, root), { credentials: "same-origin" }).catch(() => null);
  if (!response?.ok) return;
  told.set(item.id, (await response.json()).marks);
  if (last?.item === item) draw();
}

function draw() {
  const { item, picture } = last;
  const low = item.scores.filter((measured) => measured.good === false).flatMap((measured) => measured.boxes);
  const marks = [];
  if (level !== "none") marks.push(...low.map((box) => ({ kind: "low", points: corners(box) })));
  if (level === "all") marks.push(...(told.get(item.id) ?? []));
  if (!marks.length) return place.firstChild && place.replaceChildren();
  const size = [picture.naturalWidth, picture.naturalHeight];
  place.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
  const room = element("svg", { width: size[0], height: size[1] }); // what reaches out of the picture is cut off
  room.append(...marks.map(({ kind, points }) => shape(kind, points.map(([x, y]) => [x * size[0], y * size[1]]), size)));
  place.replaceChildren(room);
  return undefined;
}

const corners = ([left, top, right, bottom]) => [[left, top], [right, top], [right, bottom], [left, bottom]];

function shape(kind, points, [width, height]) {
  const outline = `M${points.map((point) => point.join(" ")).join("L")}${points.length > 2 ? "Z" : ""}`;
  // What lies outside the photo is shaded: the whole picture, but for the photo.
  return element("path", { d: kind === "photo" ? `M0 0H${width}V${height}H0Z${outline}` : outline, class: kind });
}

function element(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

label();
