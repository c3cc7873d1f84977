// Decisions on their way to the server: in order, one request at a time, sent again until they are answered.
// Every act carries a token made here, so that sending it twice records it once.

const MOST = 100; // acts in one request
const LONGEST_WAIT = 15000;

export class Outbox {
  // onSaved(answer, acts), onRefused(acts, message), onState({waiting, failing})
  constructor({ address, batch, stage, onSaved, onRefused, onState }) {
    Object.assign(this, { address, batch, stage, onSaved, onRefused, onState });
    this.acts = [];
    this.flying = 0;
    this.failures = 0;
    this.timer = null;
    addEventListener("online", () => this.now());
    addEventListener("pagehide", () => this.leave());
  }

  get waiting() {
    return this.acts.length;
  }

  add(acts) {
    for (const act of acts) this.acts.push(Object.assign(act, { token: token() }));
    this.report();
    if (!this.failures) this.later(0);
  }

  now() {
    if (this.waiting) this.later(0);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), wait);
  }

  async send() {
    if (this.flying || !this.waiting) return;
    const acts = this.acts.slice(0, MOST);
    this.flying = acts.length;
    let response;
    try {
      response = await this.post(acts);
    } catch {
      return this.again();
    }
    if (response.status >= 500 || response.status === 429) return this.again();
    const answer = await response.json().catch(() => null);
    if (response.ok && !answer) return this.again();
    this.acts.splice(0, acts.length);
    this.flying = 0;
    this.failures = 0;
    this.report();
    if (response.ok) this.onSaved(answer, acts);
    else this.onRefused(acts, refusal(response.status, answer));
    this.now();
  }

  again() {
    this.flying = 0;
    this.failures += 1;
    this.report();
    this.later(Math.min(LONGEST_WAIT, 500 * 2 ** (this.failures - 1)));
  }

  // The tab goes away: hand what is left to the browser, which sends it without us.
  leave() {
    if (this.waiting) this.post(this.acts.slice(0, MOST), { keepalive: true }).catch(() => {});
  }

  post(acts, options = {}) {
    return fetch(this.address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ batch: this.batch, stage: this.stage, acts }),
      ...options,
    });
  }

  report() {
    this.onState({ waiting: this.waiting, failing: this.failures > 0 });
  }
}

function refusal(status, answer) {
  if (status === 401) return "You are signed out. Sign in to Airflow, then decide again.";
  if (status === 403) return "You may look, but not decide.";
  return typeof answer?.detail === "string" ? answer.detail : `The server refused this (${status}).`;
}

// crypto.randomUUID exists on https only; Airflow is often plain http in a private network.
function token() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
