// How long a picture has been before somebody's eyes: time in a hidden tab does not count.

const LONGEST = 600; // whoever went for coffee looked no longer than this

export class Clock {
  constructor() {
    this.gone = 0;
    this.since = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.go()));
  }

  start() {
    this.gone = 0;
    this.since = document.hidden ? null : performance.now();
  }

  stop() {
    if (this.since !== null) this.gone += performance.now() - this.since;
    this.since = null;
  }

  go() {
    this.since ??= performance.now();
  }

  get seconds() {
    const running = this.since === null ? 0 : performance.now() - this.since;
    return Math.min(LONGEST, Math.round((this.gone + running) / 10) / 100);
  }
}
