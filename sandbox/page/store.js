// What the sandbox says, as the page knows it: the state at loading, then every change as it comes.
const state = {
  boot: '', last: 0, ahead: 0, admin: '', version: '', url: '',
  customers: new Map(),      // openid → {id, nick, following, window, seen, typingUntil}
  accounts: new Map(),       // IM account → {id, nick, deleted}
  agents: [],                // IM accounts
  conversations: new Map(),  // "agent/account" → {key, agent, peer, messages, unread}
};

let listeners = [];
let stream = null;

export const world = state;
export const now = () => Date.now() + state.ahead;
export const onChange = (listener) => listeners.push(listener);
export const tell = (event) => listeners.forEach((listener) => listener(event));

export function conversation(agent, peer) {
  const key = `${agent}/${peer}`;
  if (!state.conversations.has(key)) state.conversations.set(key, { key, agent, peer, messages: [], unread: 0 });
  return state.conversations.get(key);
}

// The customer behind an IM account: openid, or openid-1 after a lock-out.
export function customerOf(account) {
  return state.customers.get(account) ?? state.customers.get(account.replace(/-\d+$/, ''));
}

// The same person has the same colour on the phone and on the desk, and nobody has that of a neighbour.
export function tint(element, account) {
  element.style.setProperty('--hue', `${Math.round((customerOf(account)?.number ?? 0) * 137.5 + 60) % 360}`);
}

async function load() {
  const response = await fetch('/api/state', { cache: 'no-store' });
  const fresh = await response.json();
  const before = state.boot === fresh.boot ? new Map(state.conversations) : new Map();
  Object.assign(state, { boot: fresh.boot, last: fresh.last, admin: fresh.admin, version: fresh.version, url: fresh.url });
  state.ahead = fresh.now - Date.now();
  state.locale = fresh.locale;
  fresh.customers.sort((a, b) => a.number - b.number);
  state.customers = new Map(fresh.customers.map((customer) => [customer.id, customer]));
  state.accounts = new Map(fresh.accounts.map((account) => [account.id, account]));
  state.agents = fresh.agents.map((agent) => agent.id);
  state.conversations = new Map();
  for (const agent of fresh.agents) {
    for (const [peer, messages] of Object.entries(agent.conversations)) {
      const place = conversation(agent.id, peer);
      place.messages = messages;
      place.unread = before.get(place.key)?.unread ?? 0;
    }
  }
}

const apply = {
  customer({ customer }) {
    const known = state.customers.get(customer.id);
    state.customers.set(customer.id, { seen: [], ...known, ...customer });
  },
  seen({ customer, item }) {
    const known = state.customers.get(customer);
    known?.seen.push(item);
    if (known && item.kind === 'message') known.typingUntil = 0;
  },
  message({ agent, customer, message }) {
    const place = conversation(agent, customer);
    place.messages.push(message);
    if (message.from !== agent) place.unread += 1;
  },
  recalled({ agent, customer, message }) {
    const found = conversation(agent, customer).messages.find((one) => one.msg_key === message.msg_key);
    if (found) found.recalled = true;
  },
  edited({ agent, customer, message }) {
    const place = conversation(agent, customer);
    const at = place.messages.findIndex((one) => one.msg_key === message.msg_key);
    if (at >= 0) place.messages[at] = message;
  },
  account({ account }) { state.accounts.set(account.id, account); },
  typing({ customer, until }) {
    const known = state.customers.get(customer);
    if (known) known.typingUntil = until;
  },
  clock({ now: theirs }) { state.ahead = theirs - Date.now(); },
};

async function reload() {
  await load();
  tell({ type: 'loaded' });
}

// One after the other: what comes while the state is being loaded waits for it.
let taking = Promise.resolve();
async function take(message) {
  const event = JSON.parse(message.data);
  if (event.type === 'gap' || event.type === 'reset') return reload().catch(() => stream.onerror());
  const number = Number(message.lastEventId);
  if (number <= state.last) return undefined;
  state.last = number;
  apply[event.type]?.(event);
  return tell(event);
}

export function listen() {
  stream?.close();
  stream = new EventSource(`/api/events?since=${state.last}`);
  stream.onopen = () => tell({ type: 'live' });
  stream.onmessage = (message) => { taking = taking.then(() => take(message)); };
  stream.onerror = () => {
    stream.close();
    tell({ type: 'offline' });
    setTimeout(listen, 1000);
  };
}

// Loads the state, however long the sandbox takes to be there.
export async function begin() {
  for (;;) {
    try {
      await load();
      return;
    } catch {
      tell({ type: 'offline' });
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}
