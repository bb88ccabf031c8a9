// 200 clients in one process, against either server: node socketio_client.mjs URL TOKEN PID SECONDS
// Prints {rate, cpu, p50, p99, frame}: messages/s received, server CPU in µs for each, latency in ms at 20 messages/s,
// and one message as it came.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const [url, token, pid, seconds] = process.argv.slice(2);
const CLIENTS = 200;
const BURST = 20;
const IN_FLIGHT = 3;
const PACE_MS = 50;
const TOPIC = 'bench:1';
const TICKS_PER_SECOND = 100; // USER_HZ, the unit of /proc/PID/stat

let received = 0;
let wanted = Infinity;
let enough = () => {};
let latencies = null;
let frame = null;

function onTick(message) {
  frame ??= message;
  received += 1;
  if (latencies !== null) latencies.push(performance.now() - message.payload.sent);
  if (received >= wanted) enough();
}

function connect() {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { token } });
  socket.on('tick', onTick);
  return new Promise((resolve, reject) => {
    socket.on('connect_error', reject);
    socket.on('disconnect', (reason) => reason === 'io client disconnect' || fail(new Error(`dropped: ${reason}`)));
    socket.on('connect', () => socket.emit('join', { topic: TOPIC }, (ack) => {
      if (ack.status === 'ok') resolve(socket);
      else reject(new Error(JSON.stringify(ack)));
    }));
  });
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

function serverCpu() {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function reaching(count) {
  wanted = count;
  return new Promise((resolve) => { enough = resolve; });
}

function publish(socket, count) {
  socket.emit('publish', { topic: TOPIC, payload: { count, sent: performance.now() } });
}

// Keeps a few bursts under way, so that the server never idles and never runs far ahead of the clients.
async function saturate(socket, forSeconds) {
  const [start, cpu, before] = [performance.now(), serverCpu(), received];
  let bursts = 0;
  while (performance.now() - start < forSeconds * 1000) {
    while (bursts < IN_FLIGHT + (received - before) / (CLIENTS * BURST)) {
      publish(socket, BURST);
      bursts += 1;
    }
    await reaching(before + (bursts - IN_FLIGHT + 1) * CLIENTS * BURST);
  }
  await reaching(before + bursts * CLIENTS * BURST);
  const taken = (performance.now() - start) / 1000;
  const count = received - before;
  return { rate: count / taken, cpu: ((serverCpu() - cpu) / count) * 1e6 };
}

async function pace(socket, forSeconds) {
  const count = Math.round((forSeconds * 1000) / PACE_MS);
  const last = reaching(received + count * CLIENTS);
  latencies = [];
  for (let sent = 0; sent < count; sent += 1) {
    publish(socket, 1);
    await sleep(PACE_MS);
  }
  await last;
  const sorted = Float64Array.from(latencies).sort();
  return { p50: sorted[Math.floor(sorted.length * 0.5)], p99: sorted[Math.floor(sorted.length * 0.99)] };
}

try {
  const sockets = [];
  for (let count = 0; count < CLIENTS; count += 1) sockets.push(await connect());
  await saturate(sockets[0], 1); // warm
  const full = await saturate(sockets[0], Number(seconds));
  await sleep(500);
  const paced = await pace(sockets[0], Number(seconds));
  console.log(JSON.stringify({ ...full, ...paced, frame }));
  for (const socket of sockets) socket.disconnect();
} catch (error) {
  fail(error);
}
setTimeout(() => process.exit(0), 500);
