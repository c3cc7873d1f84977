// Keys to verbs. One table, filled by the page; off while somebody types, in the help, or by their own choice.

const STORED = "faceloop.single-keys";

export class Keys {
  constructor(table) {
    this.table = new Map(Object.entries(table));
    this.dialog = document.getElementById("help");
    this.switch = document.getElementById("keys-on");
    this.switch.checked = stored() !== "off";
    this.switch.addEventListener("change", () => store(this.switch.checked ? "on" : "off"));
    document.getElementById("help-button").addEventListener("click", () => this.help());
    document.addEventListener("keydown", (event) => this.press(event));
  }

  on(key, does) {
    this.table.set(key, does);
  }

  help() {
    this.dialog.showModal();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || this.dialog.open) return;
    const typing = event.target.matches("input, textarea, select");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const name = named(event);
    const does = this.table.get(name);
    if (!does) return;
    const moves = name.startsWith("Arrow");
    if (event.repeat && !moves) return; // a key held down decides once
    if (name.length === 1 && name !== "?" && !this.switch.checked) return;
    if (name === "shift+a" && !this.switch.checked) return;
    event.preventDefault();
    does();
  }
}

// "a", "shift+a", "3", "?", "ArrowLeft". Letters by their place when the layout writes no Latin ones (Hangul, say).
function named(event) {
  let key = event.key;
  if (key.length === 1 && key.charCodeAt(0) > 127 && event.code.startsWith("Key")) key = event.code.slice(3);
  if (!/^[a-z]$/i.test(key)) return key;
  return event.shiftKey ? `shift+${key.toLowerCase()}` : key.toLowerCase();
}

function stored() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // storage may be closed to a framed page
  }
}

function store(value) {
  try {
    localStorage.setItem(STORED, value);
  } catch {
    // the choice then lasts as long as the page
  }
}
