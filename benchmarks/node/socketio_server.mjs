// The reference: a Socket.IO 4 server that publishes on request, like the benchmark's plugin does on ours:
// node socketio_server.mjs PORT [REDIS_URL]; with a Redis, several such processes publish to each other's clients.
import { createServer } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const [port, redis] = process.argv.slice(2);
const TEXT = 'x'.repeat(100);
const http = createServer((_request, reply) => reply.end());
const io = new Server(http, { perMessageDeflate: false, serveClient: false });

if (redis) {
  const publisher = createClient({ url: redis });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber));
}

io.on('connection', (socket) => {
  socket.on('join', ({ topic }, ack) => {
    socket.join(topic);
    ack({ status: 'ok', response: {} });
  });
  socket.on('publish', async ({ topic, payload }) => {
    for (let count = 0; count < payload.count; count += 1) {
      const message = { sent: payload.sent, text: TEXT };
      io.to(topic).emit('tick', { topic, payload: message, id: null, at: new Date().toISOString() });
      await turn(); // each message on its own, as from requests of their own
    }
  });
});

http.listen(Number(port), '127.0.0.1');
