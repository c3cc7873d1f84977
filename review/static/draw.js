// The page as the pile stands: grid or single view, the reasons, how far the stage is. What a key changes under
// somebody's eyes is drawn at once; all else waits for the picture (soon.js).

import { lay } from "./cards.js";
import { current, here, opening, pageItems, pageStart, root, state, stock } from "./pile.js";
import * as single from "./single.js";
import { soon } from "./soon.js";
import { say } from "./talk.js";
import { _, _n } from "./words.js";

const byId = (id) => document.getElementById(id);

let shape = ""; // what is on the page: nothing, grid or single

export function draw() {
  const item = current();
  frame(item ? (state.single ? "single" : "grid") : "nothing");
  if (item && state.single) single.show(item);
  else if (item) drawGrid(item);
  for (const job of [suggest, ahead, finish, address]) soon(job);
}

function frame(wanted) {
  if (byId("reasons")?.classList.contains("open")) openReasons(false);
  if (byId("actions")) byId("actions").hidden = wanted === "nothing" && !here.decided;
  if (wanted === shape) return;
  shape = wanted;
  byId("grid").hidden = wanted !== "grid";
  byId("single").hidden = wanted !== "single";
  byId("main").classList.toggle("one", wanted === "single");
  byId("view-grid").setAttribute("aria-pressed", String(!state.single));
  byId("view-single").setAttribute("aria-pressed", String(state.single));
  if (byId("rest")) byId("rest").hidden = state.single;
  if (wanted === "single") single.reel.anew();
  else single.leave();
}

function drawGrid(item) {
  const items = pageItems();
  if (lay(items, item, (path) => new URL(path, root).href)) byId("main").scrollTo({ top: 0 });
  const words = { page: pageStart() / opening.pageSize + 1, pages: Math.ceil(state.items.length / opening.pageSize) };
  const ends = state.after === null;
  byId("page-number").textContent = ends ? _("Page {page} of {pages}", words) : _("Page {page} of {pages} or more", words);
  byId("page-before").disabled = words.page === 1;
  byId("page-next").disabled = words.page === words.pages && ends;
  const rest = byId("rest");
  if (rest) rest.disabled = !items.some((each) => !each.decision);
}

const buttons = [...document.querySelectorAll("[data-reason]")];
const dressed = new Map(); // what stands on each button, so that only what changes is touched

document.addEventListener("shown", () => soon(suggest));

function suggest() {
  const item = state.single ? single.reel.on?.item : current();
  const suggested = new Set(item && !item.decision ? item.flags.map((flag) => flag.reason) : []);
  for (const button of buttons) {
    const { reason } = button.dataset;
    dress(button, item?.decision?.reason === reason, suggested.has(reason));
  }
  if (byId("approve")) dress(byId("approve"), item?.decision?.verdict === "approve", false);
}

function dress(button, pressed, suggested) {
  const wanted = `${pressed} ${suggested}`;
  if (dressed.get(button) === wanted) return;
  dressed.set(button, wanted);
  button.setAttribute("aria-pressed", String(pressed));
  const flag = button.querySelector(".suggested");
  if (flag) flag.hidden = !suggested;
}

export function openReasons(open) {
  const reasons = byId("reasons");
  if (!reasons) return;
  reasons.classList.toggle("open", open);
  byId("reject").setAttribute("aria-expanded", String(open));
  if (!open) return;
  (reasons.querySelector(".suggested:not([hidden])")?.closest("button") ?? reasons.firstElementChild).focus();
  byId("cards").querySelector(".selected")?.scrollIntoView({ block: "nearest" }); // the reasons take room on a phone
  say(_("Choose the reason."));
}

export function finish() {
  const all = state.after === null && !state.items.some((item) => !item.decision);
  const left = here.subjects - here.decided;
  const place = byId("finished");
  place.hidden = !(all && (left <= 0 || !state.items.length));
  if (place.hidden) return;
  const [title, text] = ended(left);
  byId("finished-title").textContent = title;
  byId("finished-text").textContent = text;
}

// Why nothing waits here.
function ended(left) {
  const { everything, order, ...filters } = state.filters;
  if (left > 0 && Object.keys(filters).length) return [_("None here"), _("No waiting picture fits these filters.")];
  if (left > 0 && here.disputed >= left) {
    return [_("Two people differ"), _("A third person is asked. Is there none, one of the two changes their verdict or takes it back: Filter, Disputed.")];
  }
  if (left > 0) {
    return [_("None for you just now"), _("What is left is before other reviewers. What they leave comes here by itself.")];
  }
  if (!here.subjects) return [_("Nothing here yet"), _("Pictures arrive when the stage before is decided.")];
  const told = _("{approved} approved, {rejected} rejected. Airflow goes on by itself; undo works until it does.", here);
  const wanted = here.seconds_wanted ?? 0;
  const more = wanted ? [_n("One second look is still wanted.", "{number} second looks are still wanted.", wanted)] : [];
  return [_("All decided"), [told, ...more].join(" ")];
}

export function progress(stage) {
  Object.assign(opening.progress.find((known) => known.stage === stage.stage), stage);
  soon(tell);
}

function tell() {
  for (const stage of opening.progress) {
    const tab = document.querySelector(`[data-stage="${stage.stage}"]`);
    tab.querySelector("[data-decided]").textContent = stage.decided;
    tab.querySelector("[data-subjects]").textContent = stage.subjects;
  }
  byId("progress").max = here.subjects || 1;
  byId("progress").value = here.decided;
}

// A blind look adds to no count by itself: what stands on its subject stands already, or not yet.
export function count(items, by) {
  const counted = items.filter((item) => !item.blind);
  for (const item of counted) here[item.decision.verdict === "approve" ? "approved" : "rejected"] += by;
  progress({ ...here, decided: here.decided + by * counted.length });
}

function ahead() {
  if (state.single && current()) single.hold();
  stock();
}

let addressing = null;

function address() {
  clearTimeout(addressing); // browsers refuse to be renamed too often
  addressing = setTimeout(() => {
    const place = new URL(`batch/${opening.batch}/${opening.stage}`, root);
    if (state.single && current()) place.pathname += `/${current().id}`;
    place.search = new URLSearchParams(state.filters);
    history.replaceState(null, "", place);
  }, 300);
}
