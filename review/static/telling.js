// Items and decisions in words.

import { opening } from "./opening.js";
import { _ } from "./words.js";

const when = new Intl.DateTimeFormat(document.documentElement.lang || undefined, { dateStyle: "medium", timeStyle: "short" });

export const time = (at) => when.format(new Date(at));
export const reason = (value) => opening.reasons[value];
export const domain = (item) => opening.domains[item.domain];
export const name = (item) => (item.kind === "photo" ? _("Photo {id}", item) : _("Face {id}", item));

export function chip(decision) {
  if (!decision) return "";
  return decision.verdict === "approve" ? _("✓ Approved") : `✕ ${reason(decision.reason)}`;
}

export function happened(item) {
  const words = { name: name(item), reason: item.decision && reason(item.decision.reason) };
  if (!item.decision) return _("{name} waits.", words);
  return item.decision.verdict === "approve" ? _("{name} approved.", words) : _("{name} rejected: {reason}.", words);
}

export function cardLabel(item) {
  const flags = item.flags.map((flag) => reason(flag.reason)).join(", ");
  const words = { name: name(item), reason: reason(item.decision?.reason), flags };
  if (item.decision?.verdict === "approve") return _("{name}, approved", words);
  if (item.decision) return _("{name}, rejected: {reason}", words);
  return item.flags.length ? _("{name}, waiting, suggested: {flags}", words) : _("{name}, waiting", words);
}

export function whoAndWhen(decision) {
  if (!decision) return _("No decision yet");
  const words = { reason: reason(decision.reason), by: decision.by, at: time(decision.at) };
  if (decision.verdict === "approve") {
    return decision.mine ? _("Approved by you, {at}.", words) : _("Approved by {by}, {at}.", words);
  }
  return decision.mine ? _("Rejected by you: {reason}, {at}.", words) : _("Rejected by {by}: {reason}, {at}.", words);
}
