// The reference: a Socket.IO 4 server that publishes on request, like the benchmark's plugin does on ours.
import { createServer } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { Server } from 'socket.io';

const TEXT = 'x'.repeat(100);
const http = createServer((_request, reply) => reply.end());
const io = new Server(http, { perMessageDeflate: false, serveClient: false });

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

http.listen(Number(process.argv[2]), '127.0.0.1');
