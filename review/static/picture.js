// One picture into one element, however often that takes: the server may be away for a while. It is there when it is
// decoded; one that the server has no picture for says so, to be rejected.

const HOPELESS = new Set([404, 410, 415, 422]);
const LONGEST_WAIT = 8000;

// true once it can be painted, false when it never will be, null when nobody `wanted` it any more.
export async function fill(element, address, wanted) {
  for (let tries = 1; wanted(); tries += 1) {
    if (tries > 1 || element.src !== address) element.src = address; // the page may have begun to load it
    try {
      await element.decode();
      return true;
    } catch {
      const status = await fetch(address, { credentials: "same-origin" }).then((answer) => answer.status, () => 0);
      if (HOPELESS.has(status) || (status === 200 && tries > 1)) return false;
    }
    await new Promise((done) => setTimeout(done, Math.min(LONGEST_WAIT, 250 * 2 ** tries)));
  }
  return null;
}
