"""What the browser is asked to do inside a page, as JavaScript. By meaning: no class name, no wording."""

from __future__ import annotations

#: How long the page is, in letters and elements.
SIZE = "return document.documentElement.innerHTML.length + document.querySelectorAll('*').length"

#: How many results, links to originals and pictures it shows.
COUNT = "return document.querySelectorAll('[data-docid], a[href*=\"/imgres?\"], img').length"

#: Scroll to its end.
DOWN = "window.scrollTo(0, document.documentElement.scrollHeight)"

_FORM = """
const refusal = Array.from(document.forms).find(form => {
  const to = new URL(form.getAttribute('action') || '', location.href);
  const answer = form.querySelector('input[name="set_eom"]');
  return to.hostname === 'consent.google.com' && to.pathname.endsWith('/save') && answer?.value === 'true';
});
"""

#: Whether Google asks for consent: on a page of its own, or in a dialog before the results.
WALL = _FORM + "return Boolean(refusal) || location.hostname === 'consent.google.com';"

#: Press the button that rejects all, whatever its language; whether there was one.
REJECT = (
    _FORM
    + """
refusal?.requestSubmit(refusal.querySelector('button, input[type="submit"]') || undefined);
return Boolean(refusal);
"""
)

_LACKING = """
const told = Array.from(document.scripts, script => script.textContent).join('\\n');
const lacking = () => Array.from(document.querySelectorAll('[data-docid][data-lpage]')).filter(cell =>
  !cell.querySelector('a[href*="/imgres?"]') && !told.includes('"' + cell.dataset.docid + '"'));
"""

#: Move the mouse over each result whose original the page does not name: then it gets its link. How many there were.
HOVER = (
    _LACKING
    + """
const cells = lacking();
for (const cell of cells)
  for (const kind of ['mouseover', 'mouseenter', 'mousemove'])
    (cell.querySelector('img') || cell).dispatchEvent(new MouseEvent(kind, {bubbles: true, cancelable: true}));
return cells.length;
"""
)

#: Click at most so many results that are still without, and give the pictures that the side panel then shows of them.
PANELS = (
    _LACKING
    + """
const [most, done] = arguments;
(async () => {
  const found = [];
  for (const cell of lacking().slice(0, most)) {
    (cell.querySelector('img') || cell).click();
    for (let tries = 0; tries < 10; tries++) {
      const shown = Array.from(document.querySelectorAll('a[href] img[src^="http"]')).find(image =>
        !cell.contains(image) && image.closest('a').href === new URL(cell.dataset.lpage, location.href).href
        && !new URL(image.src).hostname.endsWith('gstatic.com'));
      if (shown) { found.push(shown.closest('a').outerHTML); break; }
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
  done(found.join('\\n'));
})().catch(() => done(''));
"""
)
