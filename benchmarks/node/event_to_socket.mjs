// How long an event takes from a REST request of one process to Socket.IO clients of two:
// node event_to_socket.mjs RUNS SECONDS TOKEN ROOM URL_OF_THE_SAME URL_OF_THE_OTHER
// Renames the room 50 times a second through the first address. Prints [{same, other}, …], one a run, each with p50 and
// p99 in ms, from sending the request to having the event.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const PACE_MS = 20;
const LATE_MS = 10_000;
const [runs, seconds, token, room, ...urls] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });

class Listener {
  #latencies = [];
  #sent = new Map();
  #arrived = () => {};

  async connect(url) {
    this.socket = io(url, { transports: ['websocket'], reconnection: false, auth: { token } });
    this.socket.on('room.updated', (message) => this.#event(message.payload.data.room.name));
    await once(this.socket, 'connect');
    const reply = await this.socket.emitWithAck('join', { topic: `room:${room}` });
    if (reply.status !== 'ok') throw new Error(JSON.stringify(reply));
  }

  expect(name) {
    this.#sent.set(name, performance.now());
  }

  // Waits for what is still under way, and returns what came since the last time.
  async take() {
    const all = new Promise((resolve) => { this.#arrived = resolve; });
    if (this.#sent.size > 0) await Promise.race([all, sleep(LATE_MS)]);
    if (this.#sent.size > 0) throw new Error(`${this.#sent.size} events did not arrive`);
    const sorted = Float64Array.from(this.#latencies).sort();
    this.#latencies = [];
    return { p50: sorted[Math.floor(sorted.length * 0.5)], p99: sorted[Math.floor(sorted.length * 0.99)] };
  }

  #event(name) {
    if (!this.#sent.has(name)) throw new Error(`${name} came twice, or was never sent`);
    this.#latencies.push(performance.now() - this.#sent.get(name));
    this.#sent.delete(name);
    if (this.#sent.size === 0) this.#arrived();
  }
}

async function rename(name) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const sent = request(`${urls[0]}/api/v1/rooms/${room}`, { method: 'PATCH', headers, agent });
  sent.end(JSON.stringify({ name }));
  const [reply] = await once(sent, 'response');
  reply.resume();
  if (reply.statusCode !== 200) throw new Error(`renaming answered ${reply.statusCode}`);
}

async function run(number, duration, listeners) {
  const [start, replies] = [performance.now(), []];
  for (let count = 0; count < (duration * 1000) / PACE_MS; count += 1) {
    await sleep(Math.max(0, start + count * PACE_MS - performance.now()));
    const name = `run ${number}, event ${count}`;
    for (const listener of listeners) listener.expect(name);
    replies.push(rename(name));
  }
  await Promise.all(replies);
  const [same, other] = await Promise.all(listeners.map((listener) => listener.take()));
  return { same, other };
}

const listeners = urls.map(() => new Listener());
await Promise.all(listeners.map((listener, index) => listener.connect(urls[index])));
await run('warm', 1, listeners);
const measured = [];
for (let number = 0; number < Number(runs); number += 1) measured.push(await run(number, Number(seconds), listeners));
console.log(JSON.stringify(measured));
process.exit(0);
