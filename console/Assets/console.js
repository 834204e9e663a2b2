// The console's one script: pages tell when they changed, and their live parts are read again. All of it works without.
'use strict';

for (const button of document.querySelectorAll('[data-copy]')) button.hidden = false;

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add('copied');
  setTimeout(() => button.classList.remove('copied'), 1200);
});

const events = document.body.dataset.events;
if (events) {
  const least = 1000, often = 20000;
  const state = document.querySelector('[data-live-state]');
  let source, last = 0, waiting = false, running = false;

  const say = (text, on) => {
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle('on', on);
  };

  // A part that a person is in stays as it is: a half-typed word must not go.
  const isUsed = part => part.contains(document.activeElement)
    && document.activeElement.matches('input, select, textarea, [data-copy]');

  const refresh = async () => {
    if (running || document.hidden) return;
    running = true;
    last = Date.now();
    try {
      const answer = await fetch(location.href, { credentials: 'same-origin', headers: { accept: 'text/html' } });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const part of document.querySelectorAll('[data-live]')) {
        const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
        if (!fresh || isUsed(part) || fresh.innerHTML === part.dataset.shown) continue;
        const open = [...part.querySelectorAll('details')].map(d => d.open);
        const link = part.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
        const summary = [...part.querySelectorAll('summary')].indexOf(document.activeElement);
        part.dataset.shown = fresh.innerHTML;
        part.replaceChildren(...fresh.childNodes);
        part.querySelectorAll('details').forEach((d, i) => { d.open = open[i] || false; });
        for (const button of part.querySelectorAll('[data-copy]')) button.hidden = false;
        part.querySelectorAll('summary')[summary]?.focus({ preventScroll: true });
        if (link) [...part.querySelectorAll('a')].find(a => a.getAttribute('href') === link)?.focus({ preventScroll: true });
      }
      document.title = page.title;
      const next = page.body.dataset.events;
      if (next && next !== document.body.dataset.events) {
        document.body.dataset.events = next;
        connect();
      }
    } catch { /* the connection is away; the stream says so */ } finally { running = false; }
  };

  // Changes that come together are shown together.
  const change = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { waiting = false; refresh(); }, Math.max(0, least - (Date.now() - last)));
  };

  const connect = () => {
    source?.close();
    source = new EventSource(document.body.dataset.events);
    source.addEventListener('open', () => say('live', true));
    source.addEventListener('change', change);
    source.addEventListener('lost', () => say('not live', false));
    source.addEventListener('over', () => location.reload());
    source.onerror = () => say('not live', false);
  };

  connect();
  setInterval(() => { if (Date.now() - last > often) refresh(); }, often);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) change(); });
  // A page that is about to be left needs no news; a sign-out would reload it before its answer is there.
  document.addEventListener('submit', () => source.close());
  addEventListener('pagehide', () => source.close());
  addEventListener('pageshow', event => { if (event.persisted) connect(); });
}
