// Items to elements. Collected text reaches the page through textContent only.

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const byId = (id) => document.getElementById(id);

export class Show {
  constructor({ root, opening }) {
    this.root = root;
    this.reasons = opening.reasons;
    this.domains = opening.domains;
    this.template = byId("card").content;
  }

  address(path) {
    return new URL(path, this.root).href;
  }

  name(item) {
    return `${item.kind === "photo" ? "Photo" : "Face"} ${item.id}`;
  }

  said(decision) {
    if (!decision) return "waiting";
    return decision.verdict === "approve" ? "approved" : `rejected: ${this.reasons[decision.reason].toLowerCase()}`;
  }

  card(item) {
    const element = this.template.cloneNode(true).firstElementChild;
    const button = element.querySelector("button");
    button.dataset.id = item.id;
    const image = element.querySelector("img");
    image.src = this.address(item.thumbnail);
    image.addEventListener("error", () => element.classList.add("broken"));
    this.mark(element, item);
    return element;
  }

  // Bring a card up to what stands on its item.
  mark(element, item) {
    const decision = item.decision;
    element.dataset.state = decision ? decision.verdict : "waiting";
    element.querySelector(".chip").textContent = chip(decision, this.reasons);
    const flags = item.flags.map((flag) => this.reasons[flag.reason]);
    element.querySelector(".hint").textContent = !decision && flags.length ? `⚑ ${flags[0]}?` : "";
    const suggested = flags.length ? `, suggested: ${flags.join(", ").toLowerCase()}` : "";
    element.querySelector(".domain").textContent = !decision && !flags.length ? this.domains[item.domain] : "";
    element.querySelector("button").setAttribute("aria-label", `${this.name(item)}, ${this.said(decision)}${suggested}`);
  }

  single(item, place) {
    const picture = byId("picture");
    const address = this.address(item.picture);
    if (picture.src !== address) picture.src = address;
    picture.alt = `${this.name(item)}, ${this.domains[item.domain].toLowerCase()}`;
    marks(picture, item);
    const figure = picture.closest("figure");
    figure.dataset.state = item.decision ? item.decision.verdict : "waiting";
    byId("verdict").textContent = item.decision ? chip(item.decision, this.reasons) : "";
    byId("facts-title").textContent = this.name(item);
    byId("facts-place").textContent = place;
    byId("facts-decision").textContent = this.whoAndWhen(item.decision);
    this.flags(item);
    this.origin(item);
    this.scores(item);
  }

  whoAndWhen(decision) {
    if (!decision) return "No decision yet";
    const said = this.said(decision);
    const note = decision.note ? ` “${decision.note}”` : "";
    const by = decision.mine ? "you" : decision.by;
    return `${said[0].toUpperCase()}${said.slice(1)}, by ${by}, ${when.format(new Date(decision.at))}.${note}`;
  }

  flags(item) {
    byId("facts-flags-part").hidden = !item.flags.length;
    byId("facts-flags").replaceChildren(
      ...item.flags.map((flag) => {
        const line = node("li", "");
        line.append(node("strong", `⚑ ${this.reasons[flag.reason]}`), node("span", ` ${flag.by}: ${flag.detail}`, "meta"));
        return line;
      }),
    );
  }

  origin(item) {
    const origin = item.origin;
    this.linked("origin-page", origin.page_url, origin.page_link);
    this.linked("origin-licence", origin.licence, origin.licence_link);
    byId("origin-source").textContent = origin.source;
    byId("origin-query").textContent = origin.query;
    byId("origin-domain").textContent = this.domains[item.domain];
    byId("origin-found").textContent = when.format(new Date(origin.found_at));
    byId("origin-generated").hidden = !origin.generated;
    for (const part of ["attribution", "author", "title"]) {
      const place = byId(`origin-${part}`);
      place.textContent = origin[part];
      place.parentElement.hidden = !origin[part];
    }
  }

  // A text, and where it leads if a browser may go there.
  linked(place, text, address) {
    if (!address) return (byId(place).textContent = text);
    const link = node("a", text);
    link.href = address;
    link.rel = "noreferrer noopener nofollow";
    link.target = "_blank";
    if (window !== window.parent) link.addEventListener("click", (event) => this.copy(event, link));
    byId(place).replaceChildren(link);
  }

  // Airflow's frame opens no new tabs: there a click selects the address, and copies it where the browser lets us.
  copy(event, link) {
    event.preventDefault();
    getSelection().selectAllChildren(link);
    const said = (text) => (byId("live").textContent = text);
    if (!navigator.clipboard) return said("The address is selected.");
    navigator.clipboard.writeText(link.href).then(
      () => said("The address is copied."),
      () => said("The address is selected."),
    );
  }

  scores(item) {
    byId("facts-scores-part").hidden = !item.scores.length;
    const worstFirst = [...item.scores].sort((a, b) => Number(a.good ?? 1) - Number(b.good ?? 1));
    byId("facts-scores").replaceChildren(...worstFirst.map(score));
  }
}

// Boxes around what low scores are about. A viewBox as large as the picture lies on it however it is fitted in.
function marks(picture, item) {
  const place = byId("marks");
  const boxes = item.scores.filter((measured) => measured.good === false).flatMap((measured) => measured.boxes);
  const draw = () => {
    const [width, height] = [picture.naturalWidth, picture.naturalHeight];
    place.setAttribute("viewBox", `0 0 ${width} ${height}`);
    place.replaceChildren(...boxes.map(([left, top, right, bottom]) => box(left * width, top * height, right * width, bottom * height)));
  };
  place.replaceChildren();
  picture.onload = boxes.length ? draw : null;
  if (boxes.length && picture.complete && picture.naturalWidth) draw();
}

function box(left, top, right, bottom) {
  const rectangle = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const sides = { x: left, y: top, width: right - left, height: bottom - top };
  for (const [name, value] of Object.entries(sides)) rectangle.setAttribute(name, value);
  return rectangle;
}

function chip(decision, reasons) {
  if (!decision) return "";
  return decision.verdict === "approve" ? "✓ Approved" : `✕ ${reasons[decision.reason]}`;
}

function score(measured) {
  const line = node("li", "", measured.good === false ? "low" : "");
  const head = node("span", "", "score-head");
  const judged = measured.good === null ? "" : measured.good ? " ✓" : ` ✕ needs ${measured.threshold}`;
  head.append(node("span", measured.check), node("span", `${measured.value.toFixed(2)}${judged}`, "number"));
  const track = node("span", "", "track");
  const fill = node("span", "", "fill");
  fill.style.width = `${100 * measured.value}%`; // through the object model: the policy forbids style attributes
  track.append(fill);
  if (measured.threshold !== null) {
    const limit = node("span", "", "limit");
    limit.style.left = `${100 * measured.threshold}%`;
    track.append(limit);
  }
  line.append(head, track);
  line.title = [measured.question, measured.detail].filter(Boolean).join(" — ");
  return line;
}

function node(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}
