// What the server wrote into the page, read once.

export const opening = JSON.parse(document.getElementById("opening")?.textContent ?? "{}");
export const root = new URL(document.documentElement.dataset.root, location.href).href; // before any replaceState
