"""www.google.com as an image searcher sees it: the result page with its data block, the scrolling, the wall and the
block page; and the thumbnails' host.

The markup follows a recorded page of 2024 (cells) and what public scrapers read since (data block, side panel).
"""

from __future__ import annotations

import html
import json
from typing import Any
from urllib.parse import quote, urlencode

from demo.internet.messages import NOT_FOUND, Answer, Request, data, moved, page, picture
from demo.internet.world import Result, World

PAGE_SIZE = 20
THUMBS = "https://encrypted-tbn0.gstatic.com/images"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAP///////yH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


class Google:
    """Answers for www.google.com."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        if request.path == "/search":
            return self._search(request)
        if request.path == "/sorry/index":
            return page(SORRY, status=429)
        if request.path == "/imgres":
            return page(f"<!doctype html><title>Image</title><img src='{html.escape(request.query('imgurl'))}'>")
        if request.path == "/robots.txt":
            return Answer(headers=(("Content-Type", "text/plain"),), body=b"User-agent: *\nDisallow: /search\n")
        if request.path == "/":
            return page(
                "<!doctype html><title>Google</title><form action='/search'><textarea name='q'></textarea></form>"
            )
        return NOT_FOUND

    def _search(self, request: Request) -> Answer:
        query = request.query("q")
        if request.query("udm") != "2" and request.query("tbm") != "isch":
            return page("<!doctype html><title>Google Search</title><div id='search'></div>")
        start = int(request.query("start", "0")) if request.query("start", "0").isdigit() else 0
        found = self._world.search(query)
        part = found[start : start + PAGE_SIZE]
        if request.query("async"):
            more = len(found) > start + PAGE_SIZE
            return data({"cells": "".join(map(_cell, part)), "block": _block(part), "more": more})
        return page(_page(query, part, start=start, more=len(found) > start + PAGE_SIZE))


class Consent:
    """Answers for consent.google.com: a form that sets the SOCS cookie and leads back."""

    def answer(self, request: Request) -> Answer:
        if request.path == "/save" and request.method == "POST":
            onward = request.form("continue")
            if not onward.startswith("https://www.google.com/"):
                return NOT_FOUND
            choice = "CAESHAgBEhIaAB" if request.form("set_eom") == "true" else "CAISHAgBEhIaAB"
            cookie = f"SOCS={choice}; Domain=.google.com; Path=/; Secure; Max-Age=34214400"
            return moved(onward, cookies=(cookie,))
        return page(CONSENT.replace("CONTINUE", html.escape(request.query("continue"), quote=True)))


class Thumbnails:
    """Answers for encrypted-tbn0…3.gstatic.com."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        jpeg = self._world.thumbnail(request.query("q").removeprefix("tbn:"))
        return NOT_FOUND if jpeg is None else picture(jpeg)


def _thumb(result: Result) -> str:
    return f"{THUMBS}?q=tbn:{result.picture.key}&s"


def _cell(result: Result) -> str:
    key, truth = result.picture.key[:14], result.picture.truth
    title, where = html.escape(result.title, quote=True), html.escape(result.page_url, quote=True)
    return (
        f'<div jsname="dTDiAc" class="eA0Zlc WghbWd FnEtTd mkpRId m3LIae RLdvSe qyKxnc ivg-i PZPZlf GMCzAd" '
        f'data-attrid="images universal" data-docid="{key}" data-lpage="{where}" data-ref-docid="{key[::-1]}">'
        f'<div jsname="qQjpJ" class="czzyk XOEbc" role="button" tabindex="0"><div class="uhHOwf BYbUcd">'
        f'<img alt="{title}" id="dimg_{key}" class="YQ4gaf" src="{PIXEL}" data-deferred="1" '
        f'data-full="{html.escape(result.picture.url, quote=True)}" '
        f'data-thumb="{html.escape(_thumb(result), quote=True)}" '
        f'data-w="{truth.width}" data-h="{truth.height}"></div></div>'
        f'<a class="EZAeBe" href="{where}"><div class="toI8Rb OSrXXb usbThf">{title}</div>'
        f'<div class="guK3rf cHaqb"><span>{html.escape(result.host)}</span></div></a></div>'
    )


def _block(results: list[Result]) -> str:
    """Write the data block, escaped as the real one is: only what JSON needs, and `=`, `&`, `<`, `>` as \\u00xx."""
    block: dict[str, Any] = {}
    for result in results:
        truth, key = result.picture.truth, result.picture.key
        height, width = 225, max(1, 225 * truth.width // truth.height)
        block[f"BX{key[:4]}"] = [
            1,
            [
                0,
                key[:14],
                [_thumb(result), height, width],
                [result.picture.url, truth.height, truth.width],
                None,
                0,
                "rgb(120,88,72)",
                None,
                0,
                {
                    "2000": [None, result.host, "98KB"],
                    "2001": [None, None, None, 18, 9, 12, 15, 1],
                    "2003": [None, key[:14][::-1], result.page_url, result.title, None, 0],
                },
            ],
        ]
    text = json.dumps(block, separators=(",", ":"), ensure_ascii=False)
    for sign in "=&<>":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _page(query: str, results: list[Result], *, start: int, more: bool) -> str:
    cells = (
        "".join(map(_cell, results))
        or f'<div class="card-section">Your search - {html.escape(query)} - did not match any image results.</div>'
    )
    onward = "/search?" + urlencode({"q": query, "udm": "2", "async": "_fmt:json"}, quote_via=quote)
    return (
        PAGE.replace("@TITLE@", html.escape(query))
        .replace("@CELLS@", cells)
        .replace("@BLOCK@", _block(results))
        .replace("@ONWARD@", json.dumps(onward))
        .replace("@MORE@", json.dumps(more))
        .replace("@NEXT@", str(start + PAGE_SIZE))
        .replace("@SIZE@", str(PAGE_SIZE))
    )


PAGE = """<!doctype html><html lang="en"><head><meta charset="UTF-8"><title>@TITLE@ - Google Search</title>
<style>body{font-family:arial;margin:0}#rcnt{display:flex}#rso{display:flex;flex-wrap:wrap;gap:20px;padding:20px;flex:1}
.eA0Zlc{width:200px;min-height:280px}.eA0Zlc img{width:200px;height:225px;object-fit:cover;background:#eee}
#islsp{width:420px;position:sticky;top:0;height:100vh}#islsp img{max-width:400px}a{color:#202124;font-size:14px}</style>
</head><body jsmodel="hspDDf"><form role="search" action="/search">
<textarea class="gLFyf" name="q">@TITLE@</textarea></form>
<div id="rcnt"><div id="rso" jsname="r5xl4">@CELLS@</div><div id="islsp" hidden></div></div>
<div id="bres" style="height:40px"></div>
<script nonce="demo">(function(){var m=@BLOCK@;window.W_jd=m;})();</script>
<script nonce="demo">
(function () {
  let next = @NEXT@, more = @MORE@, busy = false;
  const grid = document.getElementById('rso'), panel = document.getElementById('islsp');
  const seen = new IntersectionObserver(entries => {
    for (const {isIntersecting, target} of entries) if (isIntersecting) {
      target.src = target.dataset.thumb; target.removeAttribute('data-deferred'); seen.unobserve(target);
    }
  }, {rootMargin: '200px'});
  const watch = () => grid.querySelectorAll('img[data-deferred]').forEach(image => seen.observe(image));
  async function load() {
    if (busy || !more) return;
    busy = true;
    try {
      const part = await (await fetch(@ONWARD@ + '&start=' + next)).json();
      grid.insertAdjacentHTML('beforeend', part.cells);
      const block = document.createElement('script');
      block.textContent = '(function(){var m=' + part.block + ';Object.assign(window.W_jd,m);})();';
      document.body.appendChild(block);
      next += @SIZE@; more = part.more; watch();
      if (!more) document.getElementById('bres').textContent = "Looks like you've reached the end";
    } finally { busy = false; }
  }
  new IntersectionObserver(entries => { if (entries.some(e => e.isIntersecting)) load(); }, {rootMargin: '300px'})
    .observe(document.getElementById('bres'));
  addEventListener('scroll', () => { if (innerHeight + scrollY > document.body.scrollHeight - 400) load(); });
  const link = image => '/imgres?' + new URLSearchParams({imgurl: image.dataset.full,
    imgrefurl: image.closest('[data-lpage]').dataset.lpage, docid: image.closest('[data-docid]').dataset.refDocid,
    tbnid: image.closest('[data-docid]').dataset.docid, w: image.dataset.w, h: image.dataset.h});
  grid.addEventListener('mouseover', event => {
    const image = event.target.closest('img[data-full]');
    if (!image || image.parentElement.tagName === 'A') return;
    const anchor = document.createElement('a');
    anchor.href = link(image); image.replaceWith(anchor); anchor.append(image);
  });
  grid.addEventListener('click', event => {
    const image = event.target.closest('[jsname=qQjpJ]')?.querySelector('img[data-full]');
    if (!image) return;
    event.preventDefault();
    const cell = image.closest('[data-lpage]');
    panel.hidden = false;
    panel.innerHTML = '<div jsname="figiqf"><a target="_blank">'
      + '<img class="sFlh5c FyHeAf iPVvYb" jsname="kn3ccd"></a></div>'
      + '<a class="YsLeY" target="_blank"></a>';
    panel.querySelector('img').src = image.dataset.full; panel.querySelector('img').alt = image.alt;
    panel.querySelectorAll('a').forEach(anchor => { anchor.href = cell.dataset.lpage; });
    panel.querySelector('.YsLeY').textContent = image.alt;
  });
  watch();
})();
</script></body></html>"""

SORRY = """<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN"><html><head>
<meta http-equiv="content-type" content="text/html; charset=utf-8"><title>https://www.google.com/search</title></head>
<body style="font-family: arial, sans-serif"><div style="max-width:400px"><hr>
<form id="captcha-form" action="index" method="post"><div id="recaptcha" class="g-recaptcha"></div>
<input type="hidden" name="q" value="EgTLAHEH"><input type="hidden" name="continue" value="https://www.google.com/search"></form>
<hr><b>About this page</b><br><br>Our systems have detected unusual traffic from your computer network. This page checks
to see if it's really you sending the requests, and not a robot.</div></body></html>"""

CONSENT = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Before you continue to Google</title></head>
<body><h1>Before you continue to Google</h1><p>We use cookies and data to deliver and maintain Google services.</p>
<form action="https://consent.google.com/save" method="POST"><input type="hidden" name="continue" value="CONTINUE">
<input type="hidden" name="set_eom" value="true">
<button jsname="tWT92d" aria-label="Reject all">Reject all</button></form>
<form action="https://consent.google.com/save" method="POST"><input type="hidden" name="continue" value="CONTINUE">
<input type="hidden" name="set_eom" value="false">
<button jsname="b3VHJd" aria-label="Accept all">Accept all</button></form>
</body></html>"""
