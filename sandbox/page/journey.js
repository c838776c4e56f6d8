// The way of each message: a dot runs along the rail whenever the sandbox sees one of its steps.
import { $ } from './dom.js';
import { onChange } from './store.js';

const ways = {
  push: ['there', 'wechat', 'gateway'],
  im: ['there', 'gateway', 'relay', 'im'],
  callback: ['back', 'im', 'gateway'],
  send: ['back', 'gateway', 'notifier', 'wechat'],
};
const calm = matchMedia('(prefers-reduced-motion: reduce)');

function centre(journey, name) {
  const stop = journey.querySelector(`[data-at="${name}"]`);
  return stop.offsetLeft + stop.offsetWidth / 2;
}

function light(journey, name, good) {
  const stop = journey.querySelector(`[data-at="${name}"]`);
  stop.classList.remove('good', 'bad');
  void stop.offsetWidth; // starts the animation anew
  stop.classList.add(good ? 'good' : 'bad');
}

export function showJourney() {
  const journey = $('journey');
  onChange((event) => {
    if (event.type !== 'hop' || !ways[event.leg] || !journey.offsetWidth) return;
    const [rail, ...stops] = ways[event.leg];
    const [from, to] = [centre(journey, stops[0]), centre(journey, stops.at(-1))];
    const finish = () => stops.forEach((stop) => light(journey, stop, event.good));
    if (calm.matches) return finish();
    const dot = document.createElement('i');
    dot.className = `dot ${rail} ${event.good ? '' : 'bad'}`;
    journey.append(dot);
    const run = dot.animate([{ transform: `translateX(${from}px)` }, { transform: `translateX(${to}px)` }],
      { duration: 350 + Math.abs(to - from) * 0.9, easing: 'cubic-bezier(.45,.05,.35,1)' });
    run.onfinish = () => { dot.remove(); finish(); };
  });
}
