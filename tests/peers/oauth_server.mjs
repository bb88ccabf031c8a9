// npm oauth2-mock-server with scripted failures: prints its address, then obeys one JSON line after the other:
// {"event": "beforeResponse" | "beforeUserinfo" | "beforeRevoke", "statusCode": 400, "body": {…}}
import { createInterface } from 'node:readline';
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
const grants = [];
server.service.on('beforeResponse', (_response, request) => grants.push(request.body));
server.service.on('beforeUserinfo', (response, request) => {
  const [kind, token] = (request.headers.authorization ?? '').split(' ');
  if (kind !== 'Bearer' || token.split('.').length !== 3) response.statusCode = 401;
  response.body = { sub: 'johndoe', email: 'johndoe@example.com' };
});
await server.start(0, '127.0.0.1');
console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));

for await (const line of createInterface({ input: process.stdin })) {
  const { event, statusCode, body } = JSON.parse(line);
  if (event) {
    server.service.once(event, (response) => {
      if (statusCode) response.statusCode = statusCode;
      if (body) response.body = body;
    });
  }
  console.log(JSON.stringify(grants));
}
await server.stop();
