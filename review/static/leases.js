// Keeps for us what the server lent us to look at, gives back what we leave, and lets go of what went to others.

const MOST = 200; // subjects in one request
const OFTEN = 45; // seconds, at the longest
const SOON = 1500; // ms: what the page before this one gave back may arrive only now, and be ours again

export class Leases {
  // held(): the numbers of the items that wait here, nearest first; onLost(ids): who has them now is somebody else;
  // until(): the last time that we were told of, lent(answer): another one. What we give back late, when another page
  // of ours was lent it since, stays lent to that page.
  constructor({ address, batch, stage, seconds, held, onLost, until, lent }) {
    Object.assign(this, { address, batch, stage, held, onLost, until, lent });
    if (!seconds) return; // nothing is lent to who only looks
    setTimeout(() => this.renew(), SOON);
    setInterval(() => document.hidden || this.renew(), 1000 * Math.min(OFTEN, seconds / 2.5));
    document.addEventListener("visibilitychange", () => document.hidden || this.renew()); // a laptop may have slept
    addEventListener("pageshow", (event) => event.persisted && this.renew());
    addEventListener("pagehide", () => this.release(this.held()));
  }

  async renew() {
    const keep = this.held().slice(0, MOST);
    if (!keep.length) return;
    const answer = await this.post({ keep, release: [] }).then((response) => (response.ok ? response.json() : null), () => null);
    this.lent(answer);
    if (answer?.lost.length) this.onLost(new Set(answer.lost));
  }

  release(ids) {
    const release = ids.slice(0, MOST);
    if (release.length) this.post({ keep: [], release, until: this.until() }, { keepalive: true }).catch(() => {});
  }

  post(what, options = {}) {
    return fetch(this.address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ batch: this.batch, stage: this.stage, ...what }),
      ...options,
    });
  }
}
