// Everything besides plain text, for both sides: what the clouds say becomes parts, parts become elements.
// Strangers' words go in as text, their addresses only when they are http(s).
import { $, make } from './dom.js';
import { t } from './locales.js';
import { world } from './store.js';

// The address as this page reaches it; empty when it is none to be opened. The sandbox may have another name
// among the programs than for the browser.
export function address(url) {
  if (typeof url !== 'string' || url === '') return '';
  const own = world.url && url.startsWith(`${world.url}/`) ? url.slice(world.url.length) : url;
  if (own.startsWith('/') && !own.startsWith('//')) return own;
  try {
    const parsed = new URL(own);
    return ['http:', 'https:'].includes(parsed.protocol) ? parsed.href : '';
  } catch {
    return '';
  }
}

// ---- What was said, as parts

const article = (one) => ({ type: 'link', title: one.title, description: one.description, url: one.url, picture: one.picurl });

// Of the customer's phone.
export function partsOfSeen(item) {
  const content = item.content ?? {};
  switch (item.type) {
    case 'image': return [{ type: 'image', url: content.url }];
    case 'voice': return [{ type: 'voice', url: content.play ?? content.url, seconds: content.seconds }];
    case 'video': case 'shortvideo': return [{ type: 'video', url: content.url, poster: content.thumb, title: content.title }];
    case 'location': return [{ type: 'location', ...content }];
    case 'link': return [{ type: 'link', ...content }];
    case 'file': return [{ type: 'file', name: content.name, bytes: content.bytes }];
    case 'miniprogrampage': return [{ type: 'mini', title: content.title, picture: content.thumb, path: content.pagepath }];
    case 'news': return content.articles.map(article);
    case 'music': return [{ type: 'music', title: content.title, description: content.description, url: content.musicurl, picture: content.thumb }];
    case 'msgmenu': return [{ type: 'menu', head: content.head_content, list: content.list, tail: content.tail_content }];
    case 'wxcard': case 'mpnewsarticle': case 'mpnews':
      return [{ type: 'link', title: t('part_card'), description: content.card_id ?? content.article_id ?? content.media_id }];
    default: return [{ type: 'text', text: item.text, links: item.kind !== 'own' }];
  }
}

function partOfCard(text) {
  let data;
  try { data = JSON.parse(text); } catch { data = null; }
  const card = data?.kefu && data[data.kefu];
  const about = card?.articles?.[0] ?? card;
  if (!about) return { type: 'note', text: t('part_custom') };
  if (data.kefu === 'link') return { ...article(about), worded: true };
  if (data.kefu === 'file') return { type: 'file', name: about.name, bytes: about.bytes, worded: true };
  if (data.kefu === 'miniprogrampage') return { type: 'mini', title: about.title, path: about.pagepath, picture: about.thumb_url, worded: true };
  return { type: 'link', title: about.title ?? about.head_content ?? t('part_card'), description: about.description ?? about.pagepath ?? data.kefu, url: about.url ?? about.musicurl, picture: about.picurl ?? about.thumb_url };
}

function partOfElement({ MsgType: type, MsgContent: content = {} }) {
  switch (type) {
    case 'TIMTextElem': return { type: 'text', text: content.Text };
    case 'TIMImageElem': return { type: 'image', url: content.ImageInfoArray?.[0]?.URL };
    case 'TIMSoundElem': return { type: 'voice', url: content.Url, seconds: content.Second };
    case 'TIMVideoFileElem': return { type: 'video', url: content.VideoUrl, poster: content.ThumbUrl };
    case 'TIMFileElem': return { type: 'file', name: content.FileName, bytes: content.FileSize, url: content.Url };
    case 'TIMLocationElem': return { type: 'location', latitude: content.Latitude, longitude: content.Longitude, label: content.Desc };
    case 'TIMFaceElem': return { type: 'text', text: content.Data || `[${content.Index}]` };
    case 'TIMRelayElem': return { type: 'merged', title: content.Title, lines: content.AbstractList ?? [] };
    case 'TIMCustomElem': return partOfCard(content.Data);
    default: return { type: 'note', text: `[${type}]` };
  }
}

// Of the agent's desk.
export function partsOfMessage(message) {
  const parts = (message.elements ?? []).map(partOfElement);
  // The words before a card of the bridge are for clients that do not know it.
  const doubled = parts.length === 2 && parts[0].type === 'text' && parts[1].worded && !world.agents.includes(message.from);
  return doubled ? parts.slice(1) : parts;
}

// One line for a list.
export function inWords(parts) {
  return parts.map((part) => {
    if (part.type === 'text' || part.type === 'note') return part.text;
    const about = part.title ?? part.label ?? part.name ?? part.head ?? '';
    return `[${t(`part_${part.type}`)}]${about ? ` ${about}` : ''}`;
  }).join(' ');
}

// ---- Parts as elements

const linkPattern = /<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>([\s\S]*?)<\/a>/gi;

// WeChat shows <a href> in the account's texts as a link; everything else stays as it was written.
function fillText(element, text) {
  let from = 0;
  for (const found of text.matchAll(linkPattern)) {
    const url = address(found[1] ?? found[2]);
    if (!url) continue;
    element.append(text.slice(from, found.index), anchor(url, found[3]));
    from = found.index + found[0].length;
  }
  element.append(text.slice(from));
}

function anchor(url, text, className = '') {
  const link = make(url ? 'a' : 'span', className, text);
  if (url) {
    link.href = url;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  return link;
}

function picture(url, className = '') {
  const image = make('img', className);
  image.src = url;
  image.alt = t('part_image');
  image.addEventListener('load', () => { // it has grown: who was at the end stays there
    const scroller = image.closest('.chat, .talk-chat');
    if (scroller && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < image.height + 80) scroller.scrollTop = scroller.scrollHeight;
  });
  return image;
}

const length = (seconds) => `${Math.max(1, Math.round(seconds || 0))}″`;
const size = (bytes) => (bytes >= 1 << 20 ? `${(bytes / (1 << 20)).toFixed(1)} MB` : bytes >= 1024 ? `${Math.round(bytes / 1024)} KB` : `${bytes} B`);

function imageOf({ url }) {
  const own = address(url);
  if (!own) return make('p', 'part-note', `[${t('part_image')}]`);
  const button = make('button', 'photo');
  button.type = 'button';
  button.setAttribute('aria-label', t('enlarge'));
  button.append(picture(own));
  button.addEventListener('click', () => enlarge(own));
  return button;
}

function enlarge(url) {
  const viewer = $('viewer');
  viewer.replaceChildren(picture(url));
  viewer.setAttribute('aria-label', t('part_image'));
  viewer.showModal();
}

let playing = null;
function voiceOf({ url, seconds }) {
  const own = address(url);
  const button = make('button', 'voice');
  button.type = 'button';
  const bars = make('i');
  bars.setAttribute('aria-hidden', 'true');
  const shown = seconds ? length(seconds) : '';
  button.append(bars, make('span', '', shown || t('part_voice')));
  button.setAttribute('aria-label', [t('play'), t('part_voice'), shown].filter(Boolean).join(' '));
  button.disabled = !own;
  if (!own) button.title = t('cannot_play');
  const stop = () => { button.classList.remove('playing'); playing = null; };
  button.addEventListener('click', async () => {
    const again = playing?.button === button;
    playing?.audio.pause();
    playing?.stop();
    if (again) return;
    const audio = new Audio(own);
    playing = { audio, button, stop };
    audio.addEventListener('ended', stop);
    button.classList.add('playing');
    try {
      await audio.play();
    } catch (why) {
      if (playing?.audio === audio) stop();
      if (why.name !== 'AbortError') button.title = t('cannot_play');
    }
  });
  return button;
}

function videoOf({ url, poster, title }) {
  const box = make('div', 'video');
  const video = make('video');
  video.controls = true;
  video.preload = 'none';
  video.playsInline = true;
  video.src = address(url);
  if (address(poster)) video.poster = address(poster);
  video.setAttribute('aria-label', title || t('part_video'));
  box.append(video);
  if (title) box.append(make('p', 'part-title', title));
  return box;
}

function locationOf({ latitude, longitude, label }) {
  const where = `${Number(latitude).toFixed(5)}, ${Number(longitude).toFixed(5)}`;
  const card = anchor(`https://www.openstreetmap.org/?mlat=${Number(latitude)}&mlon=${Number(longitude)}#map=16/${Number(latitude)}/${Number(longitude)}`, undefined, 'card place');
  const map = make('span', 'map');
  map.setAttribute('aria-hidden', 'true');
  card.append(make('span', 'part-title', label || t('part_location')), make('small', '', where), map);
  return card;
}

function cardOf({ type, title, description, url, picture: image, path }) {
  const card = anchor(address(url), undefined, `card ${type}`);
  const words = make('span', 'words');
  words.append(make('span', 'part-title', title || t(`part_${type}`)));
  if (description || path) words.append(make('small', '', description || path));
  card.append(words);
  if (address(image)) card.append(picture(address(image), 'thumb'));
  card.append(make('small', 'kind', t(`part_${type}`)));
  return card;
}

function fileOf({ name, bytes, url }) {
  const card = anchor(address(url), undefined, 'card file');
  const words = make('span', 'words');
  words.append(make('span', 'part-title', name || t('part_file')), make('small', '', size(Number(bytes) || 0)));
  const icon = make('span', 'icon', (name ?? '').split('.').at(-1).slice(0, 4).toUpperCase());
  icon.setAttribute('aria-hidden', 'true');
  card.append(words, icon);
  return card;
}

function menuOf({ head, list, tail }, onItem) {
  const box = make('div', 'menu');
  if (head) box.append(make('p', '', head));
  for (const item of list ?? []) {
    const button = make('button', '', item.content);
    button.type = 'button';
    button.addEventListener('click', () => onItem?.(item));
    box.append(button);
  }
  if (tail) box.append(make('p', '', tail));
  return box;
}

function mergedOf({ title, lines }) {
  const box = make('div', 'card merged');
  box.append(make('span', 'part-title', title || t('part_merged')));
  for (const line of lines) box.append(make('small', '', String(line)));
  return box;
}

function textOf({ text, links }) {
  const element = make('span', 'words');
  if (links) fillText(element, text ?? '');
  else element.textContent = text ?? '';
  return element;
}

const makers = { text: textOf, note: ({ text }) => make('span', 'part-note', text), image: imageOf, voice: voiceOf, video: videoOf, location: locationOf, link: cardOf, mini: cardOf, music: cardOf, file: fileOf, merged: mergedOf };

// The bubble of one message.
export function bubbleOf(parts, onItem) {
  const bubble = make('div', 'bubble');
  bubble.dir = 'auto';
  for (const part of parts) bubble.append(part.type === 'menu' ? menuOf(part, onItem) : makers[part.type](part));
  const bare = parts.length === 1 && ['image', 'video', 'location', 'link', 'mini', 'music', 'file', 'merged'].includes(parts[0].type);
  bubble.classList.toggle('bare', bare);
  return bubble;
}

// ---- Things to send

// A tray of choices behind the button with the plus. `choices`: [{ key, send }]; with `accept` a file of one's own too.
export function tray(button, box, choices, fail) {
  const close = () => {
    box.hidden = true;
    button.setAttribute('aria-expanded', 'false');
  };
  button.addEventListener('click', () => {
    box.hidden = !box.hidden;
    button.setAttribute('aria-expanded', String(!box.hidden));
    if (!box.hidden) box.querySelector('button')?.focus({ preventScroll: true });
  });
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    close();
    button.focus();
  });
  for (const choice of choices) {
    const item = make('button', '', '');
    item.type = 'button';
    item.dataset.send = choice.key;
    item.addEventListener('click', () => {
      close();
      Promise.resolve(choice.send()).catch(fail);
    });
    box.append(item);
  }
  return () => {
    button.setAttribute('aria-label', t('attach'));
    box.setAttribute('aria-label', t('attach'));
    for (const item of box.children) item.textContent = t(`send_${item.dataset.send}`);
  };
}

const kinds = [[/^image\//, 'image'], [/^audio\//, 'voice'], [/^video\//, 'video']];

// Asks for a file and hands on { kind, name, base64 }.
export function pickFile(accept = '') {
  return new Promise((done, failed) => {
    const input = make('input');
    input.type = 'file';
    input.accept = accept;
    input.addEventListener('cancel', () => done(null));
    input.addEventListener('change', () => {
      const [file] = input.files;
      if (!file) return done(null);
      if (file.size > 10 << 20) return failed(new Error(t('too_large')));
      const reader = new FileReader();
      reader.onerror = () => failed(reader.error);
      reader.onload = () => done({
        kind: kinds.find(([pattern]) => pattern.test(file.type))?.[1] ?? (file.name.endsWith('.amr') ? 'voice' : 'file'),
        name: file.name,
        base64: reader.result.slice(reader.result.indexOf(',') + 1),
      });
      reader.readAsDataURL(file);
      return undefined;
    });
    input.click();
  });
}

export function showViewer() {
  const viewer = $('viewer');
  viewer.addEventListener('click', () => viewer.close());
}
