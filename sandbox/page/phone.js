// The customer's phone.
import { $, composer, initial, keepingEnd, make, post, sync } from './dom.js';
import { locale, t } from './locales.js';
import { bubbleOf, partsOfSeen, pickFile, tray } from './media.js';
import { now, onChange, tint, world } from './store.js';

let chosen = '';      // openid; empty: somebody new
let asked = false;    // the visitor has chosen on purpose
const unread = new Map();

const customer = () => world.customers.get(chosen);
export const nameOf = (one) => one?.nick || `${t('customer')} ${one?.id.slice(-4) ?? ''}`;

export function clockTime(ms) {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', hour12: false }).format(ms);
}

export function dayTime(ms) {
  const days = Math.floor((new Date(now()).setHours(0, 0, 0, 0) - new Date(ms).setHours(0, 0, 0, 0)) / 86400000);
  if (days <= 0) return clockTime(ms);
  if (days === 1) return `${t('yesterday')} ${clockTime(ms)}`;
  return new Intl.DateTimeFormat(locale(), { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false }).format(ms);
}

// Times stand between messages that lie five minutes apart, as people know it.
export function withTimes(messages) {
  const items = [];
  let before = 0;
  messages.forEach((message, number) => {
    if (message.at - before > 300000) items.push({ time: message.at, key: `t${number}` });
    items.push({ ...message, key: `m${number}-${message.at}${message.edited ? '-edited' : ''}` });
    before = message.at;
  });
  return items;
}

function bubble(item) {
  if (item.time) return make('p', 'time', dayTime(item.time));
  if (item.kind === 'fault') {
    const line = make('p', 'fault', item.text);
    line.title = t('fault');
    return line;
  }
  if (item.type === 'event') return make('p', 'fault', `${t('did_event')}: ${item.content.event} ${item.content.key}`);
  const own = item.kind === 'own';
  const row = make('div', `row ${own ? 'mine' : 'theirs'} ${item.kind}`);
  const face = make('span', 'face');
  face.setAttribute('aria-hidden', 'true');
  if (own) {
    tint(face, chosen);
    face.textContent = initial(nameOf(customer()));
  } else {
    const picture = make('img');
    picture.src = 'shop.svg';
    picture.alt = '';
    face.append(picture);
    face.classList.add('picture');
  }
  row.append(face, bubbleOf(partsOfSeen(item), (choice) => send({ type: 'text', text: choice.content, bizmsgmenuid: choice.id }).catch(failed)));
  return row;
}

function renderFaces() {
  const people = [...world.customers.values()];
  sync($('faces'), people, (one) => one.id, (one) => {
    const button = make('button', 'face-button');
    button.type = 'button';
    const face = make('span', 'face');
    tint(face, one.id);
    face.setAttribute('aria-hidden', 'true');
    button.append(face, make('span', 'face-name'), make('i', 'badge'));
    button.addEventListener('click', () => show(one.id));
    return button;
  }, (button, one) => {
    const name = nameOf(one);
    button.children[0].textContent = initial(name);
    button.children[1].textContent = name;
    const count = unread.get(one.id) ?? 0;
    button.children[2].textContent = count || '';
    button.children[2].hidden = !count;
    button.setAttribute('aria-pressed', String(one.id === chosen));
    button.title = one.id;
    button.classList.toggle('gone', !one.following);
  });
  $('side-title').hidden = people.length > 0;
  $('add-customer').hidden = people.length === 0;
  $('add-customer').setAttribute('aria-pressed', String(chosen === ''));
}

function renderIdeas(one) {
  const fresh = one?.following && !one.seen.some((item) => item.kind === 'own');
  const ideas = fresh ? t('ideas') : [];
  sync($('ideas'), ideas, (idea) => idea, (idea) => {
    const button = make('button', '', idea);
    button.type = 'button';
    button.addEventListener('click', () => say(idea));
    return button;
  });
}

function render(force = false) {
  const one = customer();
  const following = Boolean(one?.following);
  renderFaces();
  const phone = $('phone');
  phone.classList.toggle('following', following);
  const typing = following && one.typingUntil > now();
  $('phone-title').textContent = typing ? t('typing') : t('shop');
  $('profile-hint').textContent = one && !following && one.seen.length ? t('hint_left') : t('hint_new');
  const chat = $('phone-chat');
  if (chat.dataset.of !== chosen) {
    sync(chat, [], () => '');
    chat.dataset.of = chosen;
  }
  keepingEnd(chat, () => {
    sync(chat, following ? withTimes(one.seen) : [], (item) => item.key, bubble);
    renderIdeas(one);
  }, force);
  if (typing) setTimeout(() => render(), one.typingUntil - now() + 50);
}

function show(id) {
  chosen = id;
  asked = true;
  unread.delete(id);
  render(true);
  if (customer()?.following) $('phone-text').focus({ preventScroll: true });
}

async function follow() {
  const one = customer();
  const nicks = t('nicks');
  const body = one ? { customer: one.id } : { nick: nicks[world.customers.size % nicks.length] };
  const answer = await post('/api/follow', body);
  show(answer.customer);
}

const send = (message) => post('/api/send', { customer: chosen, ...message });
const act = (event) => post('/api/event', { customer: chosen, ...event });

async function sendOwn() {
  const file = await pickFile('image/jpeg,image/png,image/gif,audio/mpeg,.amr,video/mp4');
  if (file) await send({ type: file.kind, name: file.name, base64: file.base64 });
}

const choices = [
  ...['image', 'voice', 'video', 'location', 'link', 'miniprogrampage', 'file'].map((type) => ({ key: type, send: () => send({ type }) })),
  { key: 'click', send: () => act({ event: 'CLICK', key: 'opening_hours' }) },
  { key: 'scan', send: () => act({ event: 'SCAN', key: 'table_7' }) },
  { key: 'own', send: sendOwn },
];
let failed = () => {};
let relabelTray = () => {};

const say = (text) => post('/api/say', { customer: chosen, text });

function onEvent(event) {
  if (event.type === 'loaded') {
    unread.clear();
    if (!customer()) chosen = '';
  }
  if (event.type === 'seen' && event.customer !== chosen && event.item.kind !== 'own') {
    unread.set(event.customer, (unread.get(event.customer) ?? 0) + 1);
  }
  if (!customer() && !asked && world.customers.size) chosen = [...world.customers.keys()].at(-1);
  if (['loaded', 'seen', 'customer', 'typing', 'clock', 'language'].includes(event.type)) {
    render(event.type === 'loaded');
  }
}

export function showPhone(fail) {
  failed = fail;
  relabelTray = tray($('phone-attach'), $('phone-tray'), choices, fail);
  $('follow').addEventListener('click', () => follow().catch(fail));
  $('unfollow').addEventListener('click', () => post('/api/unfollow', { customer: chosen }).catch(fail));
  $('add-customer').addEventListener('click', () => show(''));
  composer($('phone-form'), $('phone-text'), say);
  $('phone-form').addEventListener('failed', (event) => fail(event.detail));
  const tick = () => { $('clock').textContent = clockTime(now()); };
  setInterval(tick, 5000);
  onChange((event) => {
    if (['loaded', 'language', 'clock'].includes(event.type)) tick();
    onEvent(event);
  });
}

export function relabelPhone() {
  relabelTray();
  for (const old of ['phone-chat', 'ideas']) sync($(old), [], () => '');
  $('phone').setAttribute('aria-label', t('phone'));
  $('faces').setAttribute('aria-label', t('customers'));
  $('phone-text').placeholder = t('write_customer');
  $('phone-text').setAttribute('aria-label', t('write_customer'));
  $('phone-chat').setAttribute('aria-label', t('phone'));
}
