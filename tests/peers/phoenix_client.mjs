// Two phoenix clients in a room: presence, a push with its reply, a broadcast, a refused join, and leaving.
import { Presence, Socket } from "phoenix";
import WebSocket from "ws";

const [url] = process.argv.slice(2);
const endpoint = url.replace("http", "ws") + "/socket";
const connect = (token) => {
  const socket = new Socket(endpoint, { transport: WebSocket, params: { token } });
  socket.connect();
  return socket;
};
const replied = (push) =>
  new Promise((resolve) =>
    ["ok", "error", "timeout"].forEach((status) => push.receive(status, (response) => resolve([status, response])))
  );
const seen = {};
const [alice, bob] = [connect("alice"), connect("bob")];

const closed = alice.channel("room:closed");
seen.refused = await replied(closed.join());
closed.leave();

const room = alice.channel("room:1", {});
const presence = new Presence(room);
const both = new Promise((resolve) =>
  presence.onSync(() => {
    const keys = presence.list((key) => key);
    if (keys.length === 2) resolve(keys.sort());
  })
);
seen.join = await replied(room.join());
const other = bob.channel("room:1", {});
const said = new Promise((resolve) => other.on("said", resolve));
await replied(other.join());
seen.presence = await both;
seen.say = await replied(room.push("say", { text: "hello" }));
seen.said = await said;
seen.unknown = await replied(room.push("dance", {}));
const alone = new Promise((resolve) => presence.onLeave((key) => resolve(key)));
seen.closed = await new Promise((resolve) => {
  other.onClose(() => resolve(true));
  other.leave();
});
seen.left = await alone;
alice.disconnect();
bob.disconnect();
console.log(JSON.stringify(seen));
