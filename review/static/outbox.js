// Acts on their way to the server: in order, one request at a time, sent again until they are answered. Each carries a
// token made here, so that sending it twice records it once, and stands in the journal until the answer has come.

import { Journal } from "./journal.js";
import { _ } from "./words.js";

const MOST = 100; // acts in one request
const FULL = 20; // so many are sent without waiting for more
const GATHERING = 250; // ms that an act waits for company
const LONGEST_WAIT = 15000;

export class Outbox {
  // onSaved(answer, acts), onRefused(acts, message), onState({waiting, failing, kept}); `here` is {batch, stage}.
  constructor({ address, person, here, onSaved, onRefused, onState }) {
    Object.assign(this, { address, person, here, onSaved, onRefused, onState });
    this.journal = new Journal(person);
    this.acts = []; // [{batch, stage, act}]
    this.flying = 0;
    this.failures = 0;
    this.failing = ""; // why nothing gets through
    this.timer = null;
    addEventListener("online", () => this.now());
    addEventListener("pagehide", () => this.leave());
    document.addEventListener("visibilitychange", () => document.hidden || !this.failures || this.now());
  }

  get waiting() {
    return this.acts.length;
  }

  // Take up what earlier tabs left: the acts of this batch and stage.
  resume() {
    const left = this.journal.left();
    this.acts.unshift(...left);
    this.report();
    this.now();
    return left.filter(({ batch, stage }) => batch === this.here.batch && stage === this.here.stage).map(({ act }) => act);
  }

  add(acts) {
    for (const act of acts) {
      act.token = token();
      this.journal.write(act, this.here);
      this.acts.push({ ...this.here, act });
    }
    this.report();
    if (this.failures) return;
    if (this.waiting >= FULL) this.now();
    else this.timer ??= setTimeout(() => this.send(), GATHERING);
  }

  now() {
    if (this.waiting) this.later(0);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), wait);
  }

  // The next acts that go in one request: the first ones of one batch and stage.
  parcel() {
    const [{ batch, stage }] = this.acts;
    const other = this.acts.findIndex((each) => each.batch !== batch || each.stage !== stage);
    return this.acts.slice(0, Math.min(MOST, other < 0 ? this.acts.length : other));
  }

  async send() {
    this.timer = null;
    if (this.flying || !this.waiting) return;
    const parcel = this.parcel();
    this.flying = parcel.length;
    let response;
    try {
      response = await this.post(parcel);
    } catch {
      return this.again(_("The server cannot be reached."));
    }
    if (response.status === 401) return this.again(_("You are signed out. Sign in to Airflow, in another tab if you like."));
    if (response.status >= 500 || response.status === 429) return this.again(_("The server cannot be reached."));
    const answer = await response.json().catch(() => null);
    const desk = response.ok ? answer : typeof answer?.detail === "string" && response.status !== 404;
    if (!desk) return this.again(_("The server cannot be reached.")); // a proxy spoke, or an Airflow without the desk
    if (response.status === 409) return this.again(refusal(409, answer)); // somebody else has signed in meanwhile
    this.answered(parcel, response, answer);
  }

  answered(parcel, response, answer) {
    const acts = parcel.map(({ act }) => act);
    this.acts.splice(0, parcel.length);
    this.flying = 0;
    this.failures = 0;
    this.failing = "";
    this.journal.answered(acts.map((act) => act.token));
    this.report();
    const ours = parcel[0].batch === this.here.batch && parcel[0].stage === this.here.stage;
    if (!response.ok) this.onRefused(acts, refusal(response.status, answer), ours);
    else this.onSaved(answer, acts, ours);
    if (this.waiting >= FULL) this.now();
    else if (this.waiting) this.timer ??= setTimeout(() => this.send(), GATHERING);
  }

  again(why) {
    this.flying = 0;
    this.failures += 1;
    this.failing = why;
    this.report();
    this.later(Math.min(LONGEST_WAIT, 500 * 2 ** (this.failures - 1)));
  }

  // The tab goes away: hand what is left to the browser, which sends it without us. What it refuses stands in the journal.
  leave() {
    if (this.waiting) this.post(this.parcel(), { keepalive: true }).catch(() => {});
  }

  post(parcel, options = {}) {
    const [{ batch, stage }] = parcel;
    const acts = parcel.map(({ act }) => act);
    return fetch(this.address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ batch, stage, person: this.person, acts }),
      ...options,
    });
  }

  report() {
    this.onState({ waiting: this.waiting, failing: this.failing, kept: this.journal.open });
  }
}

function refusal(status, answer) {
  if (status === 403) return _("You may look, but not decide.");
  return typeof answer?.detail === "string" ? answer.detail : _("The server refused this ({status}).", { status });
}

// crypto.randomUUID exists on https only; Airflow is often plain http in a private network.
function token() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
