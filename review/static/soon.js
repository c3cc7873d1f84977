// What may wait until the picture is painted: each job once, in the order first asked, in a moment of leisure after the
// next frame. A key that is pressed meanwhile comes first.

const PATIENCE = 200; // ms that a job waits for leisure before it is done anyway
const anyTime = { timeRemaining: () => 8, didTimeout: false }; // where a browser knows no leisure
const leisure = globalThis.requestIdleCallback ?? ((run) => setTimeout(() => run(anyTime), 1));

const jobs = new Set();
let asked = false;

export function soon(job) {
  jobs.add(job);
  ask();
}

function ask() {
  if (asked || !jobs.size) return;
  asked = true;
  if (document.hidden) setTimeout(run, PATIENCE); // no frame comes to a hidden tab
  else requestAnimationFrame(() => leisure(run, { timeout: PATIENCE }));
}

function run(time) {
  asked = false;
  for (const job of jobs) {
    jobs.delete(job);
    job();
    if (time && !time.didTimeout && time.timeRemaining() < 2) break;
  }
  ask();
}
