// Which pictures, in which order: in the bar, in the address (to send to somebody, to come back to), in what is asked.

import { _n } from "./words.js";

const FIELDS = { show: "everything", order: "order", flagged: "reason", flag: "flag", source: "source", query: "query", disputed: "disputed" };
const byId = (id) => document.getElementById(id);

// {name: value} of what is chosen; what is not chosen is not there.
export function inAddress() {
  const given = new URLSearchParams(location.search);
  const found = Object.values(FIELDS).map((name) => [name, given.get(name) ?? ""]);
  return Object.fromEntries(found.filter(([, value]) => value && value !== "false"));
}

export class Filters {
  // onChange(filters): after somebody chose, or went back to what was chosen before
  constructor({ chosen, onChange }) {
    this.onChange = onChange;
    this.write(chosen);
    for (const id of Object.keys(FIELDS)) byId(id).addEventListener("change", () => this.choose(this.read()));
    byId("sieve-clear").addEventListener("click", () => this.choose(only(this.read(), ["everything", "order"])));
    addEventListener("popstate", () => {
      this.write(inAddress());
      onChange(inAddress());
    });
    document.addEventListener("click", (event) => event.target.closest("#sieve") || byId("sieve").removeAttribute("open"));
  }

  choose(filters) {
    this.write(filters);
    const place = new URL(location.href);
    place.search = new URLSearchParams(filters);
    history.pushState(null, "", place);
    this.onChange(filters);
  }

  read() {
    const chosen = Object.entries(FIELDS).map(([id, name]) => [name, byId(id).value.trim()]);
    return Object.fromEntries(chosen.filter(([, value]) => value));
  }

  write(filters) {
    for (const [id, name] of Object.entries(FIELDS)) byId(id).value = filters[name] ?? "";
    const hidden = Object.keys(only(filters, ["reason", "flag", "source", "query", "disputed"])).length;
    byId("sieve-count").textContent = hidden ? _n("1 set", "{number} set", hidden) : "";
    byId("sieve-clear").disabled = !hidden;
  }
}

// Sources and searches seen so far, to choose from while typing.
export function offer(items) {
  for (const [list, of] of [["sources", "source"], ["queries", "query"]]) {
    const place = byId(list);
    const known = new Set([...place.options].map((option) => option.value));
    for (const value of new Set(items.map((item) => item.origin[of]))) {
      if (!known.has(value)) place.append(Object.assign(document.createElement("option"), { value }));
    }
  }
}

function only(filters, names) {
  return Object.fromEntries(Object.entries(filters).filter(([name]) => names.includes(name)));
}
