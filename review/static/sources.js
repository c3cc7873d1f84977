// The sources' page: a button posts to the address it names; then the page shows how things stand.

import { _ } from "./words.js";

const root = document.documentElement.dataset.root;
const alert = document.getElementById("alert");

for (const button of document.querySelectorAll("[data-post]")) {
  button.addEventListener("click", () => post(button));
}

async function post(button) {
  button.disabled = true;
  alert.hidden = true;
  try {
    const response = await fetch(root + button.dataset.post, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    if (response.ok) return location.reload();
    const answer = await response.json().catch(() => null);
    fail(answer?.detail ?? _("The desk answered {status}.", response));
  } catch {
    fail(_("The desk cannot be reached. Nothing has changed."));
  }
  button.disabled = false;
}

function fail(text) {
  document.getElementById("alert-text").textContent = text;
  alert.hidden = false;
}

document.body.dataset.ready = "true";
