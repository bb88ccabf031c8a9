// 200 clients of each of two servers in one process, which takes turns between them:
// node socketio_client.mjs SLICES SECONDS (URL TOKEN PID){2}
// A server of several processes has their addresses and ids separated by commas; clients connect to them in turn.
// Prints [{rate, core, cpu, p50, p99, busy, calm, frame}, …], one figure a slice for each server: messages/s received,
// the same for a second of CPU of whoever used more (what the rate is when nobody has to wait for a core), server CPU in
// µs for each, latency in ms at 20 messages/s, how long server and client waited for a core while saturated
// (busy) and while paced (calm), as shares of the time; and one message as it came.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const CLIENTS = 200;
const BURST = 20;
const IN_FLIGHT = 3;
const PACE_MS = 50;
const TOPIC = 'bench:1';
const TICKS_PER_SECOND = 100; // USER_HZ, the unit of /proc/PID/stat

// Nanoseconds that a process was ready to run and had no core (proc(5), /proc/PID/schedstat).
function waited(id) {
  return Number(readFileSync(`/proc/${id}/schedstat`, 'utf8').split(' ')[1]);
}

// CPU time of a process in user and kernel mode (proc(5), /proc/PID/stat).
function cpuSeconds(id) {
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function sum(figures) {
  return figures.reduce((total, figure) => total + figure, 0);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

class Load {
  #received = 0;
  #wanted = Infinity;
  #enough = () => {};
  #latencies = null;
  #sockets = [];

  constructor(urls, token, ids) {
    this.urls = urls.split(',');
    this.token = token;
    this.ids = ids.split(',');
    this.measured = { frame: null };
    this.forget();
  }

  async connect() {
    for (let count = 0; count < CLIENTS; count += 1) {
      this.#sockets.push(await this.#client(this.urls[count % this.urls.length]));
    }
  }

  disconnect() {
    for (const socket of this.#sockets) socket.disconnect();
  }

  // Keeps a few bursts under way, so that the server neither idles nor runs far ahead of the clients.
  async saturate(seconds) {
    const share = this.#waiting();
    const [start, cpu, own, before] = [performance.now(), this.#serverCpu(), process.cpuUsage(), this.#received];
    let bursts = 0;
    while (performance.now() - start < seconds * 1000) {
      while (bursts < IN_FLIGHT + Math.floor((this.#received - before) / (CLIENTS * BURST))) {
        this.#publish(BURST);
        bursts += 1;
      }
      await this.#reach(before + (bursts - IN_FLIGHT + 1) * CLIENTS * BURST);
    }
    await this.#reach(before + bursts * CLIENTS * BURST);
    const count = this.#received - before;
    this.measured.rate.push(count / ((performance.now() - start) / 1000));
    const { user, system } = process.cpuUsage(own);
    const used = this.#serverCpu() - cpu;
    this.measured.core.push(count / Math.max(used, (user + system) / 1e6));
    this.measured.cpu.push((used / count) * 1e6);
    this.measured.busy.push(share());
  }

  async pace(seconds) {
    const share = this.#waiting();
    const count = Math.round((seconds * 1000) / PACE_MS);
    const wanted = this.#received + count * CLIENTS;
    this.#latencies = [];
    for (let sent = 0; sent < count; sent += 1) {
      this.#publish(1);
      await sleep(PACE_MS);
    }
    await this.#reach(wanted);
    this.measured.calm.push(share());
    const sorted = Float64Array.from(this.#latencies).sort();
    this.#latencies = null;
    this.measured.p50.push(sorted[Math.floor(sorted.length * 0.5)]);
    this.measured.p99.push(sorted[Math.floor(sorted.length * 0.99)]);
  }

  forget() {
    Object.assign(this.measured, { rate: [], core: [], cpu: [], p50: [], p99: [], busy: [], calm: [] });
  }

  #client(url) {
    const options = { transports: ['websocket'], forceNew: true, reconnection: false, auth: { token: this.token } };
    const socket = io(url, options);
    socket.on('tick', (message) => this.#tick(message));
    return new Promise((resolve, reject) => {
      socket.on('connect_error', reject);
      socket.on('disconnect', (why) => why === 'io client disconnect' || fail(new Error(`dropped: ${why}`)));
      socket.on('connect', () => socket.emit('join', { topic: TOPIC }, (ack) => {
        if (ack.status === 'ok') resolve(socket);
        else reject(new Error(JSON.stringify(ack)));
      }));
    });
  }

  #tick(message) {
    this.measured.frame ??= message;
    this.#received += 1;
    if (this.#latencies !== null) this.#latencies.push(performance.now() - message.payload.sent);
    if (this.#received >= this.#wanted) this.#enough();
  }

  #publish(count) {
    this.#sockets[0].emit('publish', { topic: TOPIC, payload: { count, sent: performance.now() } });
  }

  #reach(count) {
    if (this.#received >= count) return Promise.resolve();
    this.#wanted = count;
    return new Promise((resolve) => { this.#enough = resolve; });
  }

  #waiting() {
    const all = () => sum([...this.ids, 'self'].map(waited));
    const [start, before] = [performance.now(), all()];
    return () => (all() - before) / 1e6 / (performance.now() - start);
  }

  #serverCpu() {
    return sum(this.ids.map(cpuSeconds));
  }
}

async function main([slices, seconds, ...servers]) {
  const loads = [new Load(...servers.slice(0, 3)), new Load(...servers.slice(3, 6))];
  for (const load of loads) {
    await load.connect();
    await load.saturate(1); // warm
    load.forget();
  }
  for (let slice = 0; slice < slices; slice += 1) {
    for (const load of loads) await load.saturate(Number(seconds));
  }
  await sleep(500);
  for (let slice = 0; slice < slices; slice += 1) {
    for (const load of loads) await load.pace(Number(seconds));
  }
  console.log(JSON.stringify(loads.map((load) => load.measured)));
  for (const load of loads) load.disconnect();
  setTimeout(() => process.exit(0), 500);
}

main(process.argv.slice(2)).catch(fail);
