// Runs before the desk's own scripts, and watches what a person would see. It knows of the desk only that the picture
// which is judged has the id `picture` and an address with image/KIND/NUMBER in it.
//
// For every key: when it was pressed (the event's own time, so that waiting for a busy page counts), which picture was
// shown then, and when another one had been painted. "Painted" is said twice: `framed`, in a task after the frame in
// which the picture, complete, stood in the document (requestAnimationFrame, then a message, which comes after the
// frame has been made); `presented`, when the compositor showed it (Element Timing). The later of the two counts.
(() => {
  if (window !== window.top || !location.protocol.startsWith("http")) return;
  const keys = []; // every key, in order
  const painted = new Map(); // subject -> when it was first painted
  const presented = new Map(); // subject -> when the compositor first showed it
  let first = null;
  const tell = (said) => window.benchTold?.(JSON.stringify(said));
  const numberOf = (address) => /image\/(?:photo|face)\/(\d+)/.exec(address ?? "")?.[1] ?? null;

  // The picture that is judged, when the single view is open. Nothing here makes the page lay itself out.
  function large() {
    const image = document.getElementById("picture");
    return image && !image.closest("[hidden]") && numberOf(image.getAttribute("src")) !== null ? image : null;
  }

  const shown = () => numberOf(large()?.getAttribute("src"));

  // What a key did is known when another picture stands there: then the page has taken the act. Of several keys that
  // were pressed meanwhile it has taken one.
  let pending = [];
  function settle(now) {
    if (now === null || !pending.length || now === pending[0].from) return;
    const [first, ...others] = pending;
    pending = [];
    if (first.from === null) return;
    first.to = now;
    tell({ decided: Number(first.from), keys: [first, ...others].map((key) => key.key) });
  }

  addEventListener(
    "keydown",
    (event) => {
      if (event.key.length !== 1 || event.repeat) return;
      const key = { key: event.key, at: event.timeStamp, from: shown(), to: null };
      keys.push(key);
      settle(key.from);
      pending.push(key);
    },
    { capture: true },
  );
  const after = new MessageChannel();
  const frames = [];
  after.port1.onmessage = () => {
    const subject = frames.shift();
    const now = performance.now();
    if (painted.has(subject)) return;
    painted.set(subject, now);
    first ??= now;
  };

  // Frame after frame, but only until the picture that stands there is painted: at rest the page makes no frames for us.
  let looking = false;
  function look() {
    if (looking) return;
    looking = true;
    requestAnimationFrame(frame);
  }

  function frame() {
    looking = false;
    const image = large();
    const subject = shown();
    settle(subject);
    if (image && painted.has(subject)) return;
    if (image) {
      if (!image.getAttribute("elementtiming")) image.setAttribute("elementtiming", "judged");
      if (image.complete && image.naturalWidth && image.currentSrc === image.src) {
        frames.push(subject);
        after.port2.postMessage(0);
      }
    }
    look();
  }
  look();

  // At once when the page changes the picture: a tab that is killed the moment after has told what was decided.
  new MutationObserver(() => {
    settle(shown());
    look();
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["src", "hidden", "class"] });

  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const subject = numberOf(entry.url);
      if (subject !== null && !presented.has(subject)) presented.set(subject, entry.renderTime || entry.loadTime);
    }
  }).observe({ type: "element", buffered: true });

  window.benchSeen = () => ({
    shown: shown(),
    first: first === null ? null : Math.max(first, presented.get([...painted.keys()][0]) ?? 0),
    painted: [...painted.keys()].map(Number),
    keys: keys.map((key) => ({ ...key, framed: painted.get(key.to) ?? null, presented: presented.get(key.to) ?? null })),
  });
  window.benchKeys = () => keys.length;
})();
