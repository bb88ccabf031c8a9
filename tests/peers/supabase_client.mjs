// The documented snippet, then broadcasts and presence between two clients of supabase-js.
import WebSocket from "ws";

const [url, library] = process.argv.slice(2);
const { createClient } = await import(library);
// 2.39.8 finds `ws` by itself, and never opens a transport that it is given.
const transport = library.endsWith("-old") ? {} : { transport: WebSocket };
const connect = (key) =>
  createClient(url, key, {
    realtime: { ...transport, params: { apikey: key } },
    auth: { persistSession: false, autoRefreshToken: false },
  });
const subscribed = (channel) =>
  new Promise((resolve) => channel.subscribe((status, error) => resolve([status, error ? error.message : null])));
const seen = {};
const [alice, bob] = [connect("alice"), connect("bob")];
const roomId = "1";

let told;
const changed = new Promise((resolve) => (told = resolve));
const channel = alice.channel(`room:${roomId}`).on(
  "postgres_changes",
  { event: "*", schema: "public", table: "room_participants", filter: `room_id=eq.${roomId}` },
  (payload) => told(payload)
);
seen.status = await subscribed(channel);

const talk = bob.channel("room:1", { config: { broadcast: { ack: true, self: true }, presence: { key: "bob" } } });
const heard = new Promise((resolve) => talk.on("broadcast", { event: "wave" }, resolve));
const synced = new Promise((resolve) =>
  talk.on("presence", { event: "sync" }, () => {
    const state = talk.presenceState();
    if (state.bob) resolve(state.bob[0].mood);
  })
);
seen.talk = await subscribed(talk);
seen.tracked = await talk.track({ mood: "focused" });
seen.mood = await synced;
seen.sent = await talk.send({ type: "broadcast", event: "wave", payload: { hands: 2 } });
seen.heard = await heard;

// Another transport's member speaks, which the channel tells as a row.
const { io } = await import("socket.io-client");
const socket = io(url, { transports: ["websocket"], auth: { token: "bob" } });
await socket.emitWithAck("join", { topic: "room:1" });
await socket.emitWithAck("say", { topic: "room:1", payload: { text: "hello" } });
seen.change = await changed;

const unsubscribed = alice.channel("elsewhere");
console.warn = () => {};
seen.http = await unsubscribed.send({ type: "broadcast", event: "wave", payload: {} });

const closed = alice.channel("room:closed").on(
  "postgres_changes",
  { event: "*", schema: "public", table: "room_participants", filter: "room_id=eq.closed" },
  () => {}
);
seen.refused = (await subscribed(closed))[0];
seen.unsubscribed = await channel.unsubscribe();
socket.disconnect();
console.log(JSON.stringify(seen));
process.exit(0);
