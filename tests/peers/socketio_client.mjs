// Joins a room with socket.io-client, says something, and prints what it saw.
import { io } from "socket.io-client";

const [url, transport] = process.argv.slice(2);
const options = { transports: [transport], forceNew: true, reconnection: false };
const seen = { events: [] };

const refused = io(url, { ...options, auth: { token: "nobody" } });
seen.refused = await new Promise((resolve) => refused.on("connect_error", (error) => resolve(error.message)));

const socket = io(url, { ...options, auth: { token: "alice" } });
socket.onAny((event, data) => seen.events.push([event, data]));
await new Promise((resolve, reject) => socket.on("connect", resolve).on("connect_error", reject));
seen.closed = await socket.emitWithAck("join", { topic: "room:closed", params: {} });
seen.join = await socket.emitWithAck("join", { topic: "room:1", params: {} });
seen.say = await socket.emitWithAck("say", { topic: "room:1", payload: { text: "hello" } });
seen.leave = await socket.emitWithAck("leave", { topic: "room:1" });
seen.late = await socket.emitWithAck("say", { topic: "room:1", payload: {} });
socket.disconnect();
refused.disconnect();
console.log(JSON.stringify(seen));
