// What is known of the picture in the single view, beside it. Collected text reaches the page through textContent only.

import { chip, domain, name, reason, time, whoAndWhen } from "./telling.js";
import { _ } from "./words.js";

const byId = (id) => document.getElementById(id);
const parts = {};
const part = (id) => (parts[id] ??= byId(id));

// What changes in the same frame as the picture: few words, nothing measured.
export function headline(item, place) {
  set("facts-title", name(item));
  set("facts-place", place);
  set("verdict", chip(item.decision));
  part("single").querySelector(".mat").dataset.state = item.decision ? item.decision.verdict : "waiting";
}

// What follows once the picture is painted.
export function details(item) {
  set("facts-decision", whoAndWhen(item.decision));
  const note = part("facts-note");
  note.hidden = !item.decision?.note;
  set("facts-note", item.decision?.note ? _("“{note}”", item.decision) : "");
  looks(item);
  flags(item);
  origin(item);
  scores(item);
}

function set(id, text) {
  if (part(id).textContent !== text) part(id).textContent = text;
}

// A third look: what the two before it said, without their names.
function looks(item) {
  const given = item.looks ?? [];
  part("facts-looks-part").hidden = !given.length;
  part("facts-looks").replaceChildren(
    ...given.map((look) => {
      const line = node("li", "");
      line.append(node("strong", chip(look)), node("span", look.note, "meta"));
      return line;
    }),
  );
}

function flags(item) {
  part("facts-flags-part").hidden = !item.flags.length;
  part("facts-flags").replaceChildren(
    ...item.flags.map((flag) => {
      const line = node("li", "");
      line.append(node("strong", `⚑ ${reason(flag.reason)}`), node("span", ` ${flag.by}: ${flag.detail}`, "meta"));
      return line;
    }),
  );
}

function origin(item) {
  const { origin: from } = item;
  linked("origin-page", from.page_url, from.page_link);
  linked("origin-licence", from.licence, from.licence_link);
  set("origin-source", from.source);
  set("origin-query", from.query);
  set("origin-domain", domain(item));
  set("origin-found", time(from.found_at));
  part("origin-generated").hidden = !from.generated;
  for (const field of ["attribution", "author", "title"]) {
    set(`origin-${field}`, from[field]);
    part(`origin-${field}`).parentElement.hidden = !from[field];
  }
}

// A text, and where it leads if a browser may go there.
function linked(place, text, address) {
  if (!address) return set(place, text);
  const link = node("a", text);
  link.href = address;
  link.rel = "noreferrer noopener nofollow";
  link.target = "_blank";
  part(place).replaceChildren(link);
}

function scores(item) {
  part("facts-scores-part").hidden = !item.scores.length;
  const worstFirst = [...item.scores].sort((a, b) => Number(a.good ?? 1) - Number(b.good ?? 1));
  part("facts-scores").replaceChildren(...worstFirst.map(score));
  explain(worstFirst);
}

// What each check asks, and the numbers behind its answer: for who has no mouse to hold over a line. Made when wanted.
function explain(measured) {
  const place = part("facts-explained");
  const fill = () => {
    if (!place.open) return;
    const lines = measured.flatMap((one) => [node("dt", one.check), node("dd", meaning(one), "meta")]);
    place.lastElementChild.replaceChildren(...lines);
  };
  place.ontoggle = fill;
  fill();
}

const meaning = (measured) => [measured.question, measured.detail].filter(Boolean).join(" — ");

function score(measured) {
  const line = node("li", "", measured.good === false ? "low" : "");
  const head = node("span", "", "score-head");
  const words = { value: measured.value.toFixed(2), threshold: measured.threshold };
  const verdicts = { true: _("{value} ✓", words), false: _("{value} ✕ needs {threshold}", words) };
  const judged = verdicts[measured.good] ?? words.value;
  head.append(node("span", measured.check), node("span", judged, "number"));
  const track = node("span", "", "track");
  const fill = node("span", "", "fill");
  fill.style.width = `${100 * measured.value}%`; // through the object model: the policy forbids style attributes
  track.append(fill);
  if (measured.threshold !== null) {
    const limit = node("span", "", "limit");
    limit.style.left = `${100 * measured.threshold}%`;
    track.append(limit);
  }
  line.append(head, track);
  line.title = meaning(measured);
  return line;
}

function node(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}
