// Airflow shows the desk in a sandboxed frame, in which no link may open a tab or leave the frame. The page around it is
// of the same origin, so such a link is followed from there, as its reader meant it.
"use strict";

addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a[target]");
  if (!link || window.top === window || event.defaultPrevented) return;
  let around;
  try {
    around = window.top.document;
  } catch {
    return; // framed by another origin: the browser has its own word on it
  }
  event.preventDefault();
  const same = around.createElement("a");
  same.href = link.href;
  same.target = link.target === "_top" ? "_self" : link.target;
  same.rel = link.rel;
  same.click();
});
