// The cards of the grid: made once per page, touched only where something changed.

import { fill } from "./picture.js";
import { cardLabel, chip, domain, reason } from "./telling.js";

const template = document.getElementById("card").content;
const list = document.getElementById("cards");
let drawn = []; // [{item, card, decision, selected}]

// Show these items, one of them chosen: whether the page is another than before.
export function lay(items, chosen, address) {
  const other = items.length !== drawn.length || items.some((item, index) => item !== drawn[index].item);
  const focused = list.contains(document.activeElement);
  if (other) {
    drawn = items.map((item) => ({ item, card: made(item, address), decision: undefined, selected: null }));
    list.replaceChildren(...drawn.map(({ card }) => card));
    if (focused) list.children[0]?.firstElementChild.focus();
  }
  for (const each of drawn) {
    if (each.decision !== each.item.decision || other) mark(each);
    if (each.selected !== (each.item === chosen)) select(each, each.item === chosen);
  }
  return other;
}

// Whether every picture of the page is on the screen (or said to be unshowable).
export function complete() {
  return drawn.every(({ card }) => card.dataset.there === "true");
}

function made(item, address) {
  const card = template.cloneNode(true).firstElementChild;
  card.firstElementChild.dataset.id = item.id;
  const there = () => list.contains(card) || !card.isConnected;
  fill(card.querySelector("img"), address(item.thumbnail), there).then((good) => {
    card.classList.toggle("broken", good === false);
    card.dataset.there = String(good !== null);
  });
  return card;
}

// Bring a card up to what stands on its item.
function mark(each) {
  const { item, card } = each;
  each.decision = item.decision;
  card.dataset.state = item.decision ? item.decision.verdict : "waiting";
  card.querySelector(".chip").textContent = chip(item.decision);
  const flag = item.decision ? null : item.flags[0];
  card.querySelector(".hint").textContent = flag ? `⚑ ${reason(flag.reason)}?` : "";
  card.querySelector(".domain").textContent = item.decision || flag ? "" : domain(item);
  card.firstElementChild.setAttribute("aria-label", cardLabel(item));
}

function select(each, selected) {
  each.selected = selected;
  const button = each.card.firstElementChild;
  each.card.classList.toggle("selected", selected);
  button.tabIndex = selected ? 0 : -1;
  if (!selected) return button.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  if (list.contains(document.activeElement) || document.activeElement === document.body) button.focus({ preventScroll: true });
  each.card.scrollIntoView({ block: "nearest" });
}
