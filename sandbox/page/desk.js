// The agent's desk: one conversation per customer.
import { $, composer, initial, keepingEnd, make, post, sync } from './dom.js';
import { t } from './locales.js';
import { bubbleOf, inWords, partsOfMessage, pickFile, tray } from './media.js';
import { clockTime, dayTime, nameOf as nameOfCustomer, withTimes } from './phone.js';
import { conversation, customerOf, now, onChange, tint, world } from './store.js';

let agent = '';  // empty: all of them
let open = '';   // key of the conversation
const narrow = matchMedia('(max-width: 720px)');

const opened = () => world.conversations.get(open);
const isNotice = (peer) => peer === world.admin;
const nickInIm = (peer) => world.accounts.get(peer)?.nick || '';
// The same name as on the phone, though IM knows the customer by a generated one alone.
function nameOf(peer) {
  if (isNotice(peer)) return t('notice');
  const customer = customerOf(peer);
  return customer ? nameOfCustomer(customer) : nickInIm(peer) || peer;
}
const last = (place) => place.messages.at(-1);
const letter = (peer) => (isNotice(peer) ? '!' : initial(nameOf(peer)));

function visible() {
  return [...world.conversations.values()]
    .filter((place) => place.messages.length && (!agent || place.agent === agent))
    .sort((a, b) => last(b).at - last(a).at);
}

// ---- The list

function renderAgents() {
  const counts = new Map();
  let all = 0;
  for (const place of world.conversations.values()) {
    counts.set(place.agent, (counts.get(place.agent) ?? 0) + place.unread);
    all += place.unread;
  }
  const choices = world.agents.length > 1 ? ['', ...world.agents] : world.agents;
  sync($('agents'), choices, (id) => id, (id) => {
    const button = make('button');
    button.type = 'button';
    button.dataset.agent = id;
    button.append(make('span'), make('i', 'badge'));
    button.addEventListener('click', () => choose(id));
    return button;
  }, (button, id) => {
    button.children[0].textContent = id || t('all_agents');
    const count = id ? counts.get(id) ?? 0 : all;
    button.children[1].textContent = count || '';
    button.children[1].hidden = !count || id === '';
    button.setAttribute('aria-pressed', String(world.agents.length === 1 || id === agent));
  });
}

function listEntry(place) {
  const entry = make('button', 'entry');
  entry.type = 'button';
  entry.dataset.peer = place.peer;
  const face = make('span', 'face');
  face.setAttribute('aria-hidden', 'true');
  tint(face, place.peer);
  const middle = make('span', 'middle');
  middle.append(make('span', 'name'), make('span', 'last'));
  const end = make('span', 'end');
  end.append(make('time'), make('i', 'badge'));
  entry.append(face, middle, end);
  entry.addEventListener('click', () => show(place.key, true));
  return entry;
}

function fillEntry(entry, place) {
  const [face, middle, end] = entry.children;
  const newest = last(place);
  const text = newest.recalled ? t('recalled') : inWords(partsOfMessage(newest));
  face.textContent = letter(place.peer);
  face.classList.toggle('notice', isNotice(place.peer));
  middle.children[0].textContent = nameOf(place.peer);
  middle.children[1].textContent = newest.from === place.agent ? `${place.agent}: ${text}` : text;
  end.children[0].textContent = clockTime(newest.at);
  end.children[1].textContent = place.unread || '';
  end.children[1].hidden = !place.unread;
  end.children[1].title = t('unread', { n: place.unread });
  entry.setAttribute('aria-current', String(place.key === open));
  entry.classList.toggle('gone', customerOf(place.peer)?.following === false);
}

function renderList() {
  const places = visible();
  renderAgents();
  sync($('conversations'), places, (place) => place.key, listEntry, fillEntry);
  $('list-empty').hidden = places.length > 0;
  const unread = [...world.conversations.values()].reduce((sum, place) => sum + place.unread, 0);
  document.title = unread ? `(${unread}) Kefu Bridge` : 'Kefu Bridge';
}

// ---- The conversation

function span(ms) {
  if (ms >= 7200000) return t('hours', { n: Math.round(ms / 3600000) });
  if (ms >= 120000) return t('minutes', { n: Math.floor(ms / 60000) });
  return t('seconds', { n: Math.max(0, Math.floor(ms / 1000)) });
}

function renderWindow(place) {
  const pill = $('talk-window');
  const customer = customerOf(place.peer);
  pill.hidden = !customer;
  if (!customer) return;
  const { replies_left: left, until } = customer.window;
  const remaining = until - now();
  const state = !customer.following ? 'gone' : remaining <= 0 ? 'closed' : left > 0 ? 'open' : 'full';
  pill.className = `pill ${state}`;
  pill.textContent = t(`window_${state}`, { left, time: span(remaining) });
}

function recallButton(item, place) {
  const button = make('button', 'recall', t('recall'));
  button.type = 'button';
  button.addEventListener('click', () => post('/api/agent/recall', { agent: place.agent, customer: place.peer, msg_key: item.msg_key }).catch(failed));
  return button;
}

function line(item, place) {
  if (item.time) return make('p', 'time', dayTime(item.time));
  if (isNotice(item.from)) return make('p', 'notice', item.text);
  const mine = item.from === place.agent;
  const row = make('div', `row ${mine ? 'mine' : 'theirs'}`);
  row.dataset.key = item.msg_key;
  const face = make('span', 'face');
  face.setAttribute('aria-hidden', 'true');
  tint(face, item.from);
  face.textContent = mine ? initial(item.from.replace(/^.*-/, '')) : letter(item.from);
  face.classList.toggle('agent', mine);
  const end = make('span', 'end');
  if (mine) end.append(recallButton(item, place));
  end.append(make('time', '', clockTime(item.at) + (item.edited ? ` · ${t('edited')}` : '')));
  row.append(face, bubbleOf(partsOfMessage(item)), end);
  return row;
}

function renderSteps() {
  const people = [...world.customers.values()];
  const done = {
    follow: people.some((one) => one.following),
    say: people.some((one) => one.seen.some((item) => item.kind === 'own')),
    answer: people.some((one) => one.seen.some((item) => item.kind === 'message')),
  };
  for (const step of $('steps').children) step.classList.toggle('done', done[step.dataset.step]);
}

function renderTalk(force = false) {
  const place = opened();
  $('welcome').hidden = Boolean(place);
  $('desk').classList.toggle('reading', Boolean(place));
  for (const id of ['talk-head', 'talk-chat', 'talk-form']) $(id).hidden = !place;
  if (!place) return renderSteps();
  const name = nameOf(place.peer);
  tint($('talk-face'), place.peer);
  $('talk-face').textContent = letter(place.peer);
  $('talk-name').textContent = name;
  $('talk-id').textContent = [nickInIm(place.peer), place.peer].filter(Boolean).join(' · ');
  $('talk-form').hidden = isNotice(place.peer);
  $('talk-text').placeholder = t('write_agent', { name });
  $('talk-text').setAttribute('aria-label', t('write_agent', { name }));
  renderWindow(place);
  const chat = $('talk-chat');
  if (chat.dataset.of !== open) {
    sync(chat, [], () => '');
    chat.dataset.of = open;
    force = true;
  }
  return keepingEnd(chat, () => {
    sync(chat, withTimes(place.messages), (item) => item.key, (item) => line(item, place), (row, item) => {
      row.classList.toggle('recalled', Boolean(item.recalled));
    });
  }, force);
}

function render(force = false) {
  const place = opened();
  if (place && document.visibilityState === 'visible') place.unread = 0;
  renderList();
  renderTalk(force);
}

function show(key, focus = false) {
  open = key;
  render(true);
  if (focus && opened()) $('talk-text').focus({ preventScroll: true });
}

function choose(id) {
  agent = id;
  if (agent && opened()?.agent !== agent) open = narrow.matches ? '' : visible()[0]?.key ?? '';
  render(true);
}

function onEvent(event) {
  if (event.type === 'loaded' && !opened()) open = narrow.matches ? '' : visible()[0]?.key ?? '';
  if (event.type === 'message' && !opened() && !narrow.matches) open = conversation(event.agent, event.customer).key;
  if (['loaded', 'message', 'recalled', 'edited', 'account', 'customer', 'seen', 'clock', 'language'].includes(event.type)) {
    render(event.type === 'loaded');
  }
}

// ---- Things to send

const send = (...elements) => post('/api/agent/send', { agent: opened().agent, customer: opened().peer, elements });

async function sendOwn() {
  const file = await pickFile();
  if (file) await send({ type: file.kind === 'voice' ? 'sound' : file.kind, name: file.name, base64: file.base64 });
}

const news = () => ({
  type: 'card', description: t('card_title'),
  data: { kefu: 'news', news: { articles: [{ title: t('card_title'), description: t('card_text'), url: 'https://example.com/camellia', picurl: `${world.url}/samples/photo.jpg` }] } },
});
const choices = [
  ...['image', 'sound', 'video', 'file', 'location', 'face'].map((type) => ({ key: type, send: () => send({ type }) })),
  { key: 'card', send: () => send(news()) },
  { key: 'several', send: () => send({ type: 'text', text: t('card_text') }, { type: 'image' }, { type: 'location' }) },
  { key: 'own', send: sendOwn },
];
let failed = () => {};
let relabelTray = () => {};

// The customer sees that somebody is writing; not more often than WeChat takes it.
let typedAt = 0;
function tellTyping() {
  const place = opened();
  if (!place || !$('talk-text').value || Date.now() - typedAt < 8000) return;
  typedAt = Date.now();
  post('/api/typing', { agent: place.agent, customer: place.peer }).catch(() => {});
}

export function showDesk(fail) {
  failed = fail;
  relabelTray = tray($('talk-attach'), $('talk-tray'), choices, fail);
  $('talk-text').addEventListener('input', tellTyping);
  composer($('talk-form'), $('talk-text'), (text) => {
    const place = opened();
    return post('/api/reply', { agent: place.agent, customer: place.peer, text });
  });
  $('talk-form').addEventListener('failed', (event) => fail(event.detail));
  $('to-list').addEventListener('click', () => show(''));
  document.addEventListener('visibilitychange', () => render());
  setInterval(() => opened() && renderWindow(opened()), 1000);
  onChange(onEvent);
}

export function relabelDesk() {
  relabelTray();
  sync($('talk-chat'), [], () => '');
  $('desk').setAttribute('aria-label', t('desk'));
  $('agents').setAttribute('aria-label', t('agents'));
  $('conversations').setAttribute('aria-label', t('conversations'));
  $('talk-chat').setAttribute('aria-label', t('conversations'));
  $('to-list').setAttribute('aria-label', t('back_to_list'));
}
