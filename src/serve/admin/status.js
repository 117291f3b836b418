'use strict';
// Keeps the page up to date: asks for it again, and puts the new <main> in place of the old one.
const PAUSE_MS = 1000;
const PATIENCE_MS = 5000;
const live = document.getElementById('live');

// Not while the page cannot be seen, or while text in it is selected.
const isWanted = () => !document.hidden && document.getSelection().isCollapsed;

async function renew() {
  const response = await fetch(location.pathname, {cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS)});
  if (!response.ok) throw new Error(response.statusText);
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const [from, to] = [page.querySelector('main'), document.querySelector('main')];
  const scrolled = [...to.querySelectorAll('.wide')].map(region => region.scrollLeft);
  to.replaceChildren(...from.children);
  to.querySelectorAll('.wide').forEach((region, number) => { region.scrollLeft = scrolled[number] ?? 0; });
  document.title = page.title;
}

function say(text) {
  if (live.textContent !== text) live.textContent = text;
}

async function run() {
  if (isWanted()) {
    try {
      await renew();
      say('The numbers are renewed every second.');
    } catch {
      say('There is no answer: these numbers are old. The server has ended, or cannot be reached.');
    }
  }
  setTimeout(run, PAUSE_MS);
}
run();
