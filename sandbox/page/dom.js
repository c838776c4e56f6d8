// Small helpers. Text of people only ever goes in as textContent.
export const $ = (id) => document.getElementById(id);

export function make(tag, className = '', text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// Makes `container` show `items` in order, keeping the elements of those that stay, so that nothing flickers.
export function sync(container, items, keyOf, create, update) {
  const known = container.known ??= new Map();
  const wanted = new Set();
  let place = container.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    wanted.add(key);
    let element = known.get(key);
    if (!element) known.set(key, element = create(item));
    update?.(element, item);
    if (element === place) place = place.nextElementSibling;
    else container.insertBefore(element, place);
  }
  for (const [key, element] of known) {
    if (wanted.has(key)) continue;
    element.remove();
    known.delete(key);
  }
}

// Runs `change`; a reader at the end stays at the end, a reader further up stays there.
export function keepingEnd(scroller, change, force = false) {
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  change();
  if (atEnd || force) scroller.scrollTop = scroller.scrollHeight;
}

export async function post(path, body) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? response.status);
  return answer;
}

// Enter sends, Shift+Enter does not, and neither does the Enter that picks a word in an input method.
// One message after the other, so that their order is the order of writing.
export function composer(form, field, send) {
  const rows = Number(field.rows);
  let sending = Promise.resolve();
  const grow = () => {
    field.style.height = 'auto';
    const style = getComputedStyle(field);
    const frame = parseFloat(style.borderTopWidth) + parseFloat(style.borderBottomWidth);
    field.style.height = `${Math.min(field.scrollHeight + frame, 140)}px`;
    form.classList.toggle('ready', field.value.trim() !== '');
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    field.value = '';
    grow();
    sending = sending.then(() => send(text)).catch((why) => {
      if (!field.value) field.value = text;
      grow();
      form.dispatchEvent(new CustomEvent('failed', { detail: why }));
    });
  });
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  });
  field.addEventListener('input', grow);
  field.rows = rows;
}

export function initial(name) {
  return [...name.trim()][0]?.toUpperCase() ?? '?';
}
