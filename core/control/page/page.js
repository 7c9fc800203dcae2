"use strict";

// The page is whole as it comes. This fetches its middle anew each second while somebody looks, and
// changes in place what has changed: focus, selection and scrolling stay.

const PERIOD = 1000, PATIENCE = 5000, TYPING = 250; // milliseconds
const live = document.getElementById("live");
const status = document.getElementById("status");
const filter = document.getElementById("filter");
const pause = document.getElementById("pause");
let timer = 0, asked = 0, held = false;

function morph(to, from) {
  for (const a of [...to.attributes])
    if (!from.hasAttribute(a.name)) to.removeAttribute(a.name);
  for (const a of from.attributes)
    if (to.getAttribute(a.name) !== a.value) to.setAttribute(a.name, a.value);
  let at = to.firstChild;
  for (const node of from.childNodes) {
    if (at === null) {
      to.append(document.importNode(node, true));
      continue;
    }
    const next = at.nextSibling;
    if (at.nodeName !== node.nodeName) at.replaceWith(document.importNode(node, true));
    else if (node.nodeType === Node.ELEMENT_NODE) morph(at, node);
    else if (at.data !== node.data) at.data = node.data;
    at = next;
  }
  while (at !== null) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// Said only when it is another sentence: it is read aloud.
function say(text, stale) {
  document.body.classList.toggle("stale", stale);
  if (status.textContent !== text) status.textContent = text;
}

async function take(number) {
  const answer = await fetch("/page/data" + location.search,
    {cache: "no-store", signal: AbortSignal.timeout(PATIENCE)});
  const text = await answer.text();
  if (number !== asked) return;
  if (!answer.ok) {
    say(`It answers ${answer.status}: ${text}`, true);
    return;
  }
  const fresh = new DOMParser().parseFromString(`<main id="live">${text}</main>`, "text/html");
  morph(live, fresh.getElementById("live"));
  say("Live, each second.", false);
}

async function refresh() {
  const number = ++asked;
  clearTimeout(timer);
  if (held || document.hidden) return;
  try {
    await take(number);
  } catch {
    if (number === asked) say("It does not answer. Trying again.", true);
  }
  if (number === asked) timer = setTimeout(refresh, PERIOD);
}

function hold(on) {
  held = on;
  pause.setAttribute("aria-pressed", String(on));
  if (on) say("Paused.", false);
  refresh();
}

// A link to another view of the page changes the address, and the middle with it.
document.addEventListener("click", event => {
  const link = event.target.closest("a");
  if (link === null || link.pathname !== "/" || link.origin !== location.origin || link.hash !== "" ||
      event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  arrive();
});

function arrive() {
  filter.value = new URLSearchParams(location.search).get("filter") ?? "";
  hold(false);
}

let typing = 0;
filter.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const query = new URLSearchParams(location.search);
    query.delete("from");
    if (filter.value === "") query.delete("filter");
    else query.set("filter", filter.value);
    const words = String(query).replaceAll("+", "%20");
    history.replaceState(null, "", words !== "" ? "/?" + words : "/");
    hold(false);
  }, TYPING);
});
pause.addEventListener("click", () => hold(!held));
document.addEventListener("visibilitychange", refresh);
window.addEventListener("popstate", arrive);
document.getElementById("tools").hidden = false;
refresh();
