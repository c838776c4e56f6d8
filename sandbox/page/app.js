import { relabelDesk, showDesk } from './desk.js';
import { $, make } from './dom.js';
import { showJourney } from './journey.js';
import { choose, locale, locales, set, t, translate } from './locales.js';
import { showViewer } from './media.js';
import { relabelPhone, showPhone } from './phone.js';
import { begin, listen, onChange, tell, world } from './store.js';

let live = false;
let hiding;

function fail(why) {
  const text = why instanceof TypeError ? t('no_sandbox') : why.message;
  $('toast').textContent = t('not_sent', { why: text });
  $('toast').classList.add('shown');
  clearTimeout(hiding);
  hiding = setTimeout(() => $('toast').classList.remove('shown'), 5000);
}

function relabel() {
  translate();
  relabelPhone();
  relabelDesk();
  $('locales').setAttribute('aria-label', t('choose_language'));
  $('live-text').textContent = t(live ? 'live' : 'offline');
  for (const button of $('locales').children) {
    button.setAttribute('aria-pressed', String(button.lang === locale()));
  }
}

for (const [name, words] of Object.entries(locales)) {
  const button = make('button', '', words.name);
  button.type = 'button';
  button.lang = name;
  button.addEventListener('click', () => {
    set(name, true);
    tell({ type: 'language' });
  });
  $('locales').append(button);
}

onChange((event) => {
  if (event.type === 'loaded' || event.type === 'language') relabel();
  if (event.type === 'live' || event.type === 'offline') {
    live = event.type === 'live';
    $('live').classList.toggle('on', live);
    $('live-text').textContent = t(event.type);
  }
});

choose();
showPhone(fail);
showDesk(fail);
showJourney();
showViewer();
relabel();
await begin();
choose(world.locale);
tell({ type: 'loaded' });
document.body.classList.remove('loading');
listen();
