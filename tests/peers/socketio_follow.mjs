// Follows a topic through reconnects with `since`; prints each event, join and end of a connection as a line.
import { io } from "socket.io-client";

const [url, token, topic, transport] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));
let since;

const socket = io(url, {
  transports: [transport],
  auth: { token },
  reconnectionDelay: 50,
  reconnectionDelayMax: 200,
});
socket.onAny((event, data) => {
  if (data?.id) since = data.id;
  say({ event, id: data?.id, data: data?.payload ?? data });
});
socket.on("disconnect", (reason) => say({ disconnected: reason }));
socket.on("connect", async () => {
  const { response } = await socket.emitWithAck("join", { topic, params: {}, since });
  say({ joined: true, resync: response.resync ?? false });
});
