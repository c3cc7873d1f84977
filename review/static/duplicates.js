// The page of duplicates: what is ticked in a cluster is rejected as the desk rejects, and the page shows what stands.
// Every photo's token was made with the page: a second click, or one sent again, records nothing twice.

import { _ } from "./words.js";

const root = document.documentElement.dataset.root;
const alert = document.getElementById("alert");

for (const button of document.querySelectorAll("[data-reject]")) {
  const boxes = [...button.closest("section").querySelectorAll("input[data-photo]")];
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    button.disabled = ticked === 0;
    button.textContent = said(ticked);
  };
  for (const box of boxes) box.addEventListener("change", count);
  button.addEventListener("click", () => reject(button, boxes.filter((box) => box.checked)).finally(count));
  count();
}

function said(ticked) {
  if (ticked === 0) return _("Reject the ticked photos");
  return ticked === 1 ? _("Reject 1 photo") : _("Reject {ticked} photos", { ticked });
}

async function reject(button, boxes) {
  button.disabled = true;
  alert.hidden = true;
  const refused = [];
  try {
    for (const batch of new Set(boxes.map((box) => box.dataset.batch))) {
      const its = boxes.filter((box) => box.dataset.batch === batch);
      const answer = await post(Number(batch), its, `shows the same as photo ${button.dataset.reject}`);
      for (const outcome of answer.outcomes) {
        if (!outcome.saved) refused.push(_("Photo {subject}: {message}.", outcome));
      }
    }
  } catch (error) {
    return fail(error.message);
  }
  if (refused.length) return fail([_("Not rejected."), ...refused].join(" "));
  location.reload();
}

async function post(batch, boxes, note) {
  const acts = boxes.map((box) => ({
    token: box.dataset.token,
    subject: Number(box.dataset.photo),
    verdict: "reject",
    reason: "other",
    note,
  }));
  let response;
  try {
    response = await fetch(`${root}api/decisions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ batch, stage: "raw", acts }),
    });
  } catch {
    throw new Error(_("The desk cannot be reached. Try again: nothing is recorded twice."));
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.detail ?? _("The desk answered {status}.", response));
  return answer;
}

function fail(text) {
  document.getElementById("alert-text").textContent = text;
  alert.hidden = false;
  alert.scrollIntoView({ block: "center" });
}

document.body.dataset.ready = "true";
